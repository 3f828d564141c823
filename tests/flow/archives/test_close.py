"""A company is closed in two acts, its final archive outlives it, and what it had is gone."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import text
from tests.flow.archives.conftest import DOCUMENT, Contents, Elsewhere, ask, set_up, spaces

from trilend.archives.closing import announce_closing, finish_closing, take_back_closing
from trilend.archives.errors import Busy, NoEscrow, NotClosing
from trilend.archives.imports import import_company
from trilend.archives.keys import new_escrow_pair
from trilend.archives.models import Passage
from trilend.archives.shelves import archives_of, objects_of, read_archive
from trilend.db.base import now
from trilend.errors import TrilendError
from trilend.parties.service import find_party
from trilend.storage.objects import find, read
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.errors import Closing
from trilend.tenancy.models import TenantState
from trilend.tenancy.service import is_company_free, tenant_by_id

Company = tuple[BoundTenant, Contents]
WRITE = text("UPDATE ab_user SET first_name = first_name")
READ = text("SELECT count(*) FROM ab_user")


def test_without_an_escrow_key_nothing_is_closed(company: Company) -> None:
    with pytest.raises(NoEscrow):
        announce_closing(company[0].id)
    assert tenant_by_id(company[0].id).admission.is_open


def test_in_the_time_of_grace_a_company_is_read_and_not_written(company: Company, escrow: str) -> None:
    tenant, contents = company
    announced = announce_closing(tenant.id)
    assert announced.due_at is not None
    assert timedelta(days=29) < announced.due_at - now() < timedelta(days=31)
    with bound(tenant_by_id(tenant.id)):
        assert find_party(tenant_session(), contents.identifier) is not None
        with pytest.raises(Closing):
            tenant_session.execute(WRITE)
    with pytest.raises(NotClosing):
        finish_closing(tenant.id)
    assert tenant_by_id(tenant.id).state == TenantState.TRIAL


def test_a_closing_is_announced_once(company: Company, escrow: str) -> None:
    announce_closing(company[0].id)
    with pytest.raises(Busy):
        announce_closing(company[0].id)


def test_an_announced_closing_can_be_taken_back(company: Company, escrow: str) -> None:
    tenant, _ = company
    announce_closing(tenant.id, days=0)
    take_back_closing(tenant.id)
    assert tenant_by_id(tenant.id).admission.is_open
    with bound(tenant_by_id(tenant.id)):
        tenant_session.execute(WRITE)
        tenant_session.commit()
    with pytest.raises(NotClosing):
        finish_closing(tenant.id)
    assert spaces_of(tenant)


def test_without_an_announcement_nothing_is_closed(company: Company, escrow: str) -> None:
    with pytest.raises(NotClosing):
        finish_closing(company[0].id)
    assert tenant_by_id(company[0].id).state == TenantState.TRIAL


def test_after_the_time_of_grace_nothing_is_left_but_the_sealed_archive(
    company: Company, escrow: str, installation: Any
) -> None:
    tenant, contents = company
    key_before = tenant_by_id(tenant.id).wrapped_keys[1]
    announce_closing(tenant.id, days=0)

    done = finish_closing(tenant.id)

    url = installation.database.superuser_url
    assert tenant.schema not in spaces(url)
    assert ask(url, "SELECT 1 FROM pg_roles WHERE rolname = %s", tenant.schema) == []
    assert objects_of(tenant.id) == []
    closed = ask(url, "SELECT state, door, wrapped_key FROM trilend.tenant WHERE id = %s", tenant.id)
    assert closed == [("closed", "shut", None)]
    assert ask(url, "SELECT count(*) FROM trilend.data_key WHERE tenant_id = %s", tenant.id) == [(0,)]
    kept = b"".join(read_archive(done.details["archive"]["archive"]))
    for secret in (contents.identifier.encode(), "张三".encode(), b"journal", key_before, DOCUMENT):
        assert secret not in kept
    with RegistrySession() as registry:
        assert is_company_free(registry, tenant.uscc)


def test_the_holder_of_the_escrow_key_opens_the_final_archive_elsewhere(
    company: Company, escrow: str, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    tenant, contents = company
    announce_closing(tenant.id, days=0)
    done = finish_closing(tenant.id)
    file = tmp_path / "final.trilend"
    file.write_bytes(b"".join(read_archive(done.details["archive"]["archive"])))

    other, _ = new_escrow_pair()
    for wrong in (other, "correct horse battery"):
        elsewhere.environment["TRILEND_ARCHIVE_PASSPHRASE"] = wrong
        assert "does not open this archive" in elsewhere.trilend("tenant", "import", str(file), code=1)
    elsewhere.environment["TRILEND_ARCHIVE_PASSPHRASE"] = escrow
    elsewhere.trilend("tenant", "import", str(file))
    seen = elsewhere.look(tenant.slug, contents.identifier, contents.object_key)
    assert (seen["customers"], seen["document"]) == (200, len(DOCUMENT))


def test_a_closed_company_comes_back_under_another_address(company: Company, escrow: str, tmp_path: Path) -> None:
    tenant, contents = company
    announce_closing(tenant.id, days=0)
    done = finish_closing(tenant.id)
    file = tmp_path / "final.trilend"
    file.write_bytes(b"".join(read_archive(done.details["archive"]["archive"])))
    back = import_company(file, escrow, slug=f"back-{tenant.slug}")
    with bound(back):
        assert find_party(tenant_session(), contents.identifier) is not None
        assert read(find(tenant_session(), contents.object_key)) == DOCUMENT


@pytest.mark.parametrize("moment", ["archiving", "sealing", "clearing"])
def test_a_closing_that_was_interrupted_is_carried_out_when_looked_after(
    company: Company, escrow: str, installation: Any, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trilend.archives import closing, passages, tasks

    class PowerCut(BaseException):
        pass

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    tenant, _ = company
    announced = announce_closing(tenant.id, days=0)
    step = {"archiving": "_digest", "sealing": "_seal", "clearing": "remove_space"}[moment]
    with monkeypatch.context() as power:
        power.setattr(closing, step, cut)
        with pytest.raises(PowerCut):
            finish_closing(tenant.id)
    if moment != "clearing":
        assert tenant_by_id(tenant.id).state == TenantState.TRIAL
        assert tenant.schema in spaces(installation.database.superuser_url)

    with passages.held(announced.id) as passage:
        tasks.look_after(passage)

    assert tenant_by_id(tenant.id).state == TenantState.CLOSED
    assert tenant.schema not in spaces(installation.database.superuser_url)
    assert len(archives_of(tenant.id)) == 1


def test_after_an_interrupted_closing_it_can_still_be_taken_back(
    company: Company, escrow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trilend.archives import closing

    tenant, _ = company
    announce_closing(tenant.id, days=0)
    with monkeypatch.context() as power:
        power.setattr(closing, "_seal", lambda *_: (_ for _ in ()).throw(InvalidTag()))
        with pytest.raises(InvalidTag):
            finish_closing(tenant.id)
    take_back_closing(tenant.id)
    with bound(tenant_by_id(tenant.id)):
        tenant_session.execute(WRITE)
        tenant_session.commit()


def test_the_job_that_looks_after_closes_when_the_day_has_come(company: Company, escrow: str, run_jobs: Any) -> None:
    tenant, _ = company
    with set_up(TRILEND_CLOSING_GRACE_DAYS="0"):
        announce_closing(tenant.id)
        run_jobs()
    assert tenant_by_id(tenant.id).state == TenantState.CLOSED


def test_a_closing_before_its_day_is_left_alone_by_the_job(company: Company, escrow: str) -> None:
    from trilend.archives import passages, tasks

    announced = announce_closing(company[0].id)
    with passages.held(announced.id) as passage:
        tasks.look_after(passage)
    with RegistrySession() as registry:
        assert registry.get_one(Passage, announced.id).finished_at is None
    assert tenant_by_id(company[0].id).state == TenantState.TRIAL


def spaces_of(tenant: BoundTenant) -> bool:
    """Whether the company's rows can be read."""
    try:
        with bound(tenant):
            return tenant_session.execute(READ).scalar_one() > 0
    except TrilendError:
        return False
