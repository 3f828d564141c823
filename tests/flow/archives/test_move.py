"""A company moves to another database server: it is read all the time, and no write that was acknowledged is lost."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select
from tests import stack
from tests.flow.archives.conftest import SECOND, Contents, ask, set_up, spaces
from werkzeug.test import Client

from trilend.archives.errors import Busy, StillWritten, UnknownServer
from trilend.archives.models import Act, Stage
from trilend.archives.moving import move_company, settle
from trilend.archives.passages import passages_of
from trilend.audit.models import AuditEntry
from trilend.audit.service import SYSTEM, record
from trilend.errors import TrilendError
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.errors import BeingMoved
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.service import forget_tenants, tenant_by_id, tenant_by_slug

Company = tuple[BoundTenant, Contents]


class Writer:
    """A web process in small: it writes all the time, with what it remembers of the tenant, and counts what was
    acknowledged."""

    def __init__(self, slug: str, name: str) -> None:
        self._slug = slug
        self._name = name
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self.acknowledged: list[str] = []
        self.refused: list[float] = []
        self.surprises: list[BaseException] = []

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _write(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            mark = f"{self._name}-{number}"
            try:
                with bound(tenant_by_slug(self._slug)):
                    record(tenant_session(), SYSTEM, "written", "test", number, reason=mark)
                    tenant_session.commit()
            except TrilendError:
                self.refused.append(time.monotonic())
                time.sleep(0.01)
            except BaseException as error:
                self.surprises.append(error)
            else:
                self.acknowledged.append(mark)


@pytest.mark.timeout(120)
def test_nothing_acknowledged_is_lost_while_a_company_moves(
    company: Company, two_servers: stack.Database, installation: Any
) -> None:
    tenant, _ = company
    with Writer(tenant.slug, "a") as first, Writer(tenant.slug, "b") as second:
        time.sleep(0.5)
        moved = move_company(tenant.id, SECOND)
        at_the_switch = len(first.acknowledged) + len(second.acknowledged)
        time.sleep(7)

    acknowledged = first.acknowledged + second.acknowledged
    assert first.surprises + second.surprises == []
    assert at_the_switch > 20
    assert len(acknowledged) > at_the_switch
    assert sorted(_written(tenant.id)) == sorted(acknowledged)
    left_behind = ask(
        installation.database.superuser_url, f"SELECT count(*) FROM {tenant.schema}.audit_entry WHERE act = 'written'"
    )
    assert left_behind == [(at_the_switch,)]
    assert moved.seconds_read_only < 5
    # With what processes remember for five seconds, writing was refused for no longer than this.
    assert max(first.refused) - min(first.refused) < 8


def test_a_moved_company_is_whole(
    company: Company, two_servers: stack.Database, installation: Any, browse: Callable[[str], Client]
) -> None:
    tenant, contents = company
    everything = _digests(installation.database.superuser_url, tenant.schema)

    moved = move_company(tenant.id, SECOND)

    assert _digests(two_servers.superuser_url, tenant.schema) == everything
    assert (moved.source, moved.target) == ("primary", SECOND)
    now = tenant_by_id(tenant.id)
    assert (now.shard, now.admission.is_open) == (SECOND, True)
    assert verify_fleet([tenant.slug]).equal == 1
    forget_tenants()
    _works(now, contents, browse)


def test_the_old_place_goes_after_a_while(company: Company, two_servers: stack.Database, installation: Any) -> None:
    tenant, _ = company
    with set_up(TRILEND_MOVED_SPACE_HOURS="0"):
        move_company(tenant.id, SECOND)
    assert tenant.schema in spaces(installation.database.superuser_url)

    _run_watches(tenant.id)

    assert tenant.schema not in spaces(installation.database.superuser_url)
    assert ask(installation.database.superuser_url, "SELECT 1 FROM pg_roles WHERE rolname = %s", tenant.schema) == []
    assert _stages(tenant.id) == [Stage.DONE]


def test_a_company_moves_there_and_back(company: Company, two_servers: stack.Database, installation: Any) -> None:
    tenant, _ = company
    everything = _digests(installation.database.superuser_url, tenant.schema)
    move_company(tenant.id, SECOND)
    move_company(tenant.id, "primary")
    assert _digests(installation.database.superuser_url, tenant.schema) == everything
    assert tenant_by_id(tenant.id).shard == "primary"
    assert _stages(tenant.id) == [Stage.SWITCHED, Stage.DONE]


def test_a_writer_that_does_not_end_stops_the_move_and_not_the_company(
    company: Company, two_servers: stack.Database, installation: Any
) -> None:
    tenant, _ = company
    with psycopg.connect(installation.database.owner_url) as slow:
        slow.execute(
            f"INSERT INTO {tenant.schema}.audit_entry (actor, act, subject_type, subject_id, reason, details) "
            "VALUES ('x', 'x', 'x', 1, '', '{}')".encode()
        )
        with pytest.raises(StillWritten):
            move_company(tenant.id, SECOND)
        slow.rollback()
    now = tenant_by_id(tenant.id)
    assert (now.shard, now.admission.is_open) == ("primary", True)
    assert tenant.schema not in spaces(two_servers.superuser_url)
    with Writer(tenant.slug, "after") as writer:
        time.sleep(0.3)
    assert writer.acknowledged
    assert verify_fleet([tenant.slug]).equal == 1


def test_a_process_that_remembers_the_old_place_cannot_write_there(
    company: Company, two_servers: stack.Database, installation: Any
) -> None:
    tenant, _ = company
    remembered = tenant_by_id(tenant.id)
    before = ask(installation.database.superuser_url, f"SELECT count(*) FROM {tenant.schema}.audit_entry")
    move_company(tenant.id, SECOND)
    with bound(remembered):
        record(tenant_session(), SYSTEM, "written", "test", 1)
        with pytest.raises(BeingMoved):
            tenant_session.commit()
    assert ask(installation.database.superuser_url, f"SELECT count(*) FROM {tenant.schema}.audit_entry") == before


def test_a_server_that_is_not_there_is_refused(company: Company, two_servers: stack.Database) -> None:
    for name in ("third", "primary"):
        with pytest.raises(UnknownServer, match=SECOND):
            move_company(company[0].id, name)
    assert _stages(company[0].id) == []


def test_one_company_is_moved_by_one_at_a_time(company: Company, two_servers: stack.Database, escrow: str) -> None:
    from trilend.archives.closing import announce_closing

    announce_closing(company[0].id)
    with pytest.raises(Busy):
        move_company(company[0].id, SECOND)
    assert tenant_by_id(company[0].id).shard == "primary"


def test_a_migration_that_remembers_the_old_place_takes_no_step_there(
    company: Company, two_servers: stack.Database, installation: Any
) -> None:
    tenant, _ = company
    move_company(tenant.id, SECOND)
    with psycopg.connect(installation.database.owner_url) as fleet, pytest.raises(psycopg.errors.UndefinedTable):
        fleet.execute(f"INSERT INTO {tenant.schema}.schema_version (branch, revision) VALUES ('x', '1')".encode())


@pytest.fixture
def new_on_second(two_servers: stack.Database, new_tenant: Callable[..., BoundTenant]) -> Iterator[BoundTenant]:
    """A company that was made on the second server."""
    with set_up(TRILEND_SHARD_FOR_NEW_TENANTS=SECOND):
        yield new_tenant()


def test_a_company_made_on_the_second_server_works(
    new_on_second: BoundTenant, two_servers: stack.Database, installation: Any, browse: Callable[[str], Client]
) -> None:
    from tests.flow.archives.conftest import fill_in

    assert new_on_second.shard == SECOND
    assert new_on_second.schema in spaces(two_servers.superuser_url)
    assert new_on_second.schema not in spaces(installation.database.superuser_url)
    _works(new_on_second, fill_in(new_on_second), browse)


def _works(tenant: BoundTenant, contents: Contents, browse: Callable[[str], Client]) -> None:
    """Signing in, a page, the API and a job."""
    from tests.isolation.test_http_walls import sign_in

    from trilend.identity.service import add_api_client
    from trilend.jobs.models import Job, JobState
    from trilend.jobs.service import enqueue, run_job

    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    assert "张三" in client.get("/customers/").get_data(as_text=True)
    with bound(tenant):
        program, secret = add_api_client(tenant_session(), SYSTEM, name="程序", scopes=["ledger:read"])
        job = enqueue(tenant_session(), "parameters.close_days", {"last": "2020-01-01"})
        tenant_session.commit()
        credentials = (program.client_id, secret)
        job_id = job.id
    token = client.post(
        "/oauth/token", data={"grant_type": "client_credentials", "scope": "ledger:read"}, auth=credentials
    ).get_json()["access_token"]
    answer = client.get("/api/v1/balances", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert run_job(tenant.id, job_id)
    with bound(tenant):
        assert tenant_session.get_one(Job, job_id).state == JobState.DONE


def _written(tenant_id: str) -> list[str]:
    with bound(tenant_by_id(tenant_id)):
        return list(tenant_session.scalars(select(AuditEntry.reason).where(AuditEntry.act == "written")))


def _stages(tenant_id: str) -> list[str]:
    with RegistrySession() as registry:
        return [passage.stage for passage in passages_of(registry, tenant_id, Act.MOVE)]


def _run_watches(tenant_id: str) -> None:
    from trilend.archives import passages, tasks

    for passage_id in passages.unfinished(tenant_id, *Act):
        with passages.held(passage_id) as passage:
            tasks.look_after(passage)


def _digests(url: str, schema: str) -> dict[str, Any]:
    """Every row of every table, in the order in which it lies, and how far sequences are."""
    tables = [
        row[0]
        for row in ask(
            url, "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'", schema
        )
        if not row[0].startswith("schema_version")
    ]
    found = {
        name: ask(url, f"SELECT count(*), md5(string_agg(x::text, '|')) FROM {schema}.{name} AS x") for name in tables
    }
    sequences = ask(url, "SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = %s ORDER BY 1", schema)
    return found | {"sequences": sequences}


def test_settling_when_there_is_nothing_to_settle_does_nothing(company: Company) -> None:
    settle(company[0].id)
    with bound(company[0]):
        assert tenant_session.scalar(select(func.count()).select_from(AuditEntry)) == 2
