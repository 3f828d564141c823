"""A new data key seals all anew and loses nothing, killed anywhere; a new master key changes the wrapping alone."""

import base64
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import LargeBinary, func, select, text, type_coerce

from trilend.config import settings
from trilend.db.base import TenantBase, now
from trilend.documents.service import AREA
from trilend.jobs.models import Job, JobState
from trilend.kinds import kinds
from trilend.parties.models import Party, PartyKind
from trilend.storage import objects, rotation
from trilend.storage.errors import KeyMissing, KeyStillNeeded
from trilend.storage.keys import INDEX_KEY, new_master_key, unwrap
from trilend.storage.master import rotate_master
from trilend.storage.numbered import number_of
from trilend.storage.sealed import Sealed, blind_index
from trilend.storage.stores import interface
from trilend.storage.sweeping import sweep
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.models import DataKey, Tenant
from trilend.tenancy.service import tenant_by_id

CONTENT = b"%PDF-1.7\n" + secrets.token_bytes(150_000)


def add_parties(count: int, *, offset: int = 0) -> None:
    session = tenant_session()
    session.add_all(
        Party(
            kind=PartyKind.PERSON,
            name=f"客户{number}",
            identifier=f"ID{number}",
            identifier_index=blind_index(f"ID{number}"),
            mobile=f"138{number:08d}",
            account_number=f"62{number:017d}",
            account_index=blind_index(f"62{number:017d}"),
        )
        for number in range(offset, offset + count)
    )
    session.commit()


def key_numbers() -> set[int]:
    columns = (Party.identifier, Party.mobile, Party.account_number)
    rows = tenant_session().execute(select(*(type_coerce(column, LargeBinary) for column in columns))).all()
    return {number_of(bytes(value)) for row in rows for value in row}


def assert_all_is_there(count: int) -> None:
    found = tenant_session().scalars(select(Party).order_by(Party.id)).all()
    assert [each.identifier for each in found] == [f"ID{number}" for number in range(count)]
    assert [each.mobile for each in found] == [f"138{number:08d}" for number in range(count)]
    for each in found:
        assert each.identifier_index == blind_index(each.identifier)


def put() -> str:
    stored = objects.put(tenant_session(), AREA, CONTENT)
    tenant_session().commit()
    return stored.key


def read(key: str) -> bytes:
    return objects.read(objects.find(tenant_session(), key))


def numbers_of(tenant: BoundTenant) -> dict[int, bool]:
    with RegistrySession() as registry:
        rows = registry.scalars(select(DataKey).where(DataKey.tenant_id == tenant.id))
        return {row.number: row.retired_at is None for row in rows}


def renewed(tenant: BoundTenant) -> BoundTenant:
    rotation.new_data_key(tenant.id)
    return tenant_by_id(tenant.id)


@pytest.fixture
def no_grace(installation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retired keys count as retired long ago."""
    monkeypatch.setattr(rotation, "timedelta", lambda **_: -timedelta(hours=1))


def test_a_new_key_is_used_from_now_on_and_the_old_one_still_opens(tenant: BoundTenant) -> None:
    with bound(tenant):
        add_parties(3)
        key = put()
    second = renewed(tenant)
    assert numbers_of(tenant) == {INDEX_KEY: True, 1: False, 2: True}
    assert second.active_key == 2
    with bound(second):
        assert_all_is_there(3)
        assert read(key) == CONTENT
        assert objects.find(tenant_session(), put()).key_number == 2


def test_all_is_sealed_anew_in_portions_and_nothing_is_lost(tenant: BoundTenant) -> None:
    with bound(tenant):
        add_parties(450)
        key = put()
    second = renewed(tenant)
    with bound(second):
        report = rotation.reseal(tenant_session())
        assert (report.rows, report.files, report.unopened) == (450, 1, [])
        assert key_numbers() == {2}
        assert_all_is_there(450)
        assert objects.find(tenant_session(), key).key_number == 2
        assert read(key) == CONTENT
        again = rotation.reseal(tenant_session())
        assert (again.rows, again.files) == (0, 0)


def test_who_reads_a_file_while_it_is_sealed_anew_reads_on(tenant: BoundTenant) -> None:
    with bound(tenant):
        stored = objects.find(tenant_session(), put())
        begun = objects.pieces(stored)
        first = next(begun)
    with bound(renewed(tenant)):
        rotation.reseal(tenant_session())
        assert first + b"".join(begun) == CONTENT
        names = {entry.name for entry in interface.store().entries(f"{tenant.id}/")}
        assert names == {f"{tenant.id}/{stored.key}", f"{tenant.id}/{stored.key}.2"}
        report = sweep(tenant_session(), before=now() + timedelta(seconds=5))
        assert (report.outdated, report.orphans) == (1, 0)
        assert read(stored.key) == CONTENT


def test_a_change_made_while_rows_are_sealed_anew_is_not_lost(tenant: BoundTenant) -> None:
    with bound(tenant):
        add_parties(1)
    second = renewed(tenant)
    with bound(second):
        party = tenant_session().scalars(select(Party)).one()
        party.mobile = "13900000000"
        tenant_session().commit()
        rotation.reseal(tenant_session())
        tenant_session().expire_all()
        assert tenant_session().scalars(select(Party)).one().mobile == "13900000000"
        assert key_numbers() == {2}


def test_a_damaged_file_is_named_and_stops_nothing(tenant: BoundTenant, installation: Any) -> None:
    with bound(tenant):
        damaged, sound = put(), put()
        file = installation.folder / "objects" / tenant.id / damaged
        file.write_bytes(file.read_bytes()[:-1])
    with bound(renewed(tenant)):
        report = rotation.reseal(tenant_session())
        assert (report.files, report.unopened) == (1, [damaged])
        assert read(sound) == CONTENT
        assert objects.find(tenant_session(), damaged).key_number == 1


def test_resealing_that_is_killed_goes_on_where_it_was(tenant: BoundTenant, installation: Any) -> None:
    with bound(tenant):
        add_parties(1500)
    rotation.new_data_key(tenant.id)
    script = (
        "import os, sys\n"
        "from trilend.wiring import load\n"
        "load()\n"
        "from trilend.storage import rotation\n"
        "from trilend.tenancy.context import bound, tenant_session\n"
        "from trilend.tenancy.service import tenant_by_id\n"
        "sealed = []\n"
        "values = rotation._values\n"
        "def counted(*arguments):\n"
        "    sealed.append(1)\n"
        "    if len(sealed) == 500:\n"
        "        os.kill(os.getpid(), 9)\n"
        "    return values(*arguments)\n"
        "rotation._values = counted\n"
        "with bound(tenant_by_id(sys.argv[1])):\n"
        "    rotation.reseal(tenant_session())\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, tenant.id], check=False, env=os.environ | installation.environment
    )
    assert ended.returncode == -signal.SIGKILL
    with bound(tenant_by_id(tenant.id)):
        assert key_numbers() == {1, 2}
        assert rotation.reseal(tenant_session()).rows == 1500 - 400
        assert key_numbers() == {2}
        assert_all_is_there(1500)


def test_the_job_catches_what_others_have_sealed_with_the_former_key_meanwhile(
    tenant: BoundTenant, run_jobs: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with bound(tenant):
        add_parties(2)
    rotation.new_data_key(tenant.id)
    job = rotation.order_resealing(tenant.id)

    def late(_seconds: float) -> None:
        if not late_ones:
            late_ones.append(1)
            with bound(tenant):  # a process that still remembers the former key
                add_parties(1, offset=2)

    late_ones: list[int] = []
    monkeypatch.setattr("trilend.storage.rotation.time.sleep", late)
    run_jobs()
    with bound(tenant_by_id(tenant.id)):
        found = tenant_session().get_one(Job, job)
        assert (found.state, found.result) == (JobState.DONE, {"rows": 3, "files": 0, "unopened": []})
        assert key_numbers() == {2}
        assert_all_is_there(3)


def test_a_third_key_follows_the_second_and_the_index_stays(tenant: BoundTenant) -> None:
    with bound(tenant):
        before = blind_index("ID0")
        add_parties(1)
    third = renewed(renewed(tenant))
    assert numbers_of(tenant) == {INDEX_KEY: True, 1: False, 2: False, 3: True}
    with bound(third):
        assert rotation.reseal(tenant_session()).rows == 1
        assert key_numbers() == {3}
        assert blind_index("ID0") == before
        assert_all_is_there(1)


@pytest.mark.usefixtures("no_grace")
def test_retired_keys_are_forgotten_when_nothing_needs_them_and_all_still_opens(tenant: BoundTenant) -> None:
    with bound(tenant):
        add_parties(2)
        key = put()
        index = blind_index("ID0")
    second = renewed(tenant)
    assert rotation.forget_retired_keys(second) == [1]
    assert numbers_of(tenant) == {INDEX_KEY: True, 2: True}
    with RegistrySession() as registry:
        assert registry.get_one(Tenant, tenant.id).wrapped_key is None
    with bound(tenant_by_id(tenant.id)):
        assert_all_is_there(2)
        assert read(key) == CONTENT
        assert blind_index("ID0") == index


@pytest.mark.usefixtures("no_grace")
def test_a_key_that_a_damaged_file_is_sealed_with_is_not_forgotten(tenant: BoundTenant, installation: Any) -> None:
    with bound(tenant):
        key = put()
        file = installation.folder / "objects" / tenant.id / key
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
    second = renewed(tenant)
    with pytest.raises(KeyStillNeeded):
        rotation.forget_retired_keys(second)
    assert numbers_of(tenant) == {INDEX_KEY: True, 1: False, 2: True}
    file.write_bytes(whole)
    with bound(second):
        assert read(key) == CONTENT


def test_a_key_that_was_retired_just_now_is_not_forgotten(tenant: BoundTenant) -> None:
    second = renewed(tenant)
    with pytest.raises(KeyStillNeeded, match="a day later"):
        rotation.forget_retired_keys(second)
    assert 1 in numbers_of(tenant)


def test_a_tenant_whose_keys_are_destroyed_gets_no_new_one(tenant: BoundTenant) -> None:
    from trilend.storage.keys import destroy_keys

    with RegistrySession() as registry:
        destroy_keys(registry, tenant.id)
        registry.commit()
    with pytest.raises(KeyMissing):
        rotation.new_data_key(tenant.id)
    assert numbers_of(tenant) == {}


def test_no_sealed_column_is_in_a_table_whose_rows_never_change() -> None:
    sealed = {
        table.name
        for table in TenantBase.metadata.sorted_tables
        if any(isinstance(column.type, Sealed) for column in table.columns)
    }
    assert {"party", "payment_instruction", "statement_entry", "signatory", "connection"} <= sealed
    assert not {name for name in sealed if TenantBase.metadata.tables[name].info.get("append_only")}
    of_broker = {table.name for table, _ in rotation.sealed_columns("broker")}
    foreign = {table.name for name in ("microfinance", "guarantee") for table in kinds()[name].tables}
    assert of_broker == sealed - foreign


@pytest.fixture
def masters(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str | None], None]]:
    """Sets the master key in use and the other one, as a restarted process would find them."""
    from trilend.storage import keys

    def use(first: str, other: str | None) -> None:
        monkeypatch.setenv("TRILEND_MASTER_KEY", first)
        if other is None:
            monkeypatch.delenv("TRILEND_MASTER_KEY_OTHER", raising=False)
        else:
            monkeypatch.setenv("TRILEND_MASTER_KEY_OTHER", other)
        for cached in (settings, keys._unwrapped, keys._derived):
            cached.cache_clear()

    first = installation.environment["TRILEND_MASTER_KEY"]
    yield use
    # What other tests of this installation made must open again.
    current = os.environ["TRILEND_MASTER_KEY"]
    if current != first:
        use(first, current)
        rotate_master()
    use(first, None)
    monkeypatch.undo()
    settings.cache_clear()


def test_a_new_master_key_opens_everything_after_the_exchange_and_the_old_one_nothing(
    tenant: BoundTenant, installation: Any, masters: Callable[[str, str | None], None]
) -> None:
    with bound(tenant):
        add_parties(2)
        key = put()
    renewed(tenant)
    old, new = installation.environment["TRILEND_MASTER_KEY"], new_master_key()
    with RegistrySession() as registry:
        registry.execute(text("DELETE FROM trilend.data_key WHERE wrapped = '\\x00'"))
        total = registry.scalar(select(func.count()).select_from(DataKey))
        registry.commit()

    masters(old, new)  # the first rollout: everybody learns to open what the new one will wrap
    with bound(tenant_by_id(tenant.id)):
        assert_all_is_there(2)
    masters(new, old)  # the second: what is new is wrapped by the new one
    with bound(tenant_by_id(tenant.id)):
        assert_all_is_there(2)
    report = rotate_master()
    assert (report.total, report.rewrapped, report.failed) == (total, total, [])
    again = rotate_master()
    assert (again.total, again.rewrapped) == (total, 0)

    masters(new, None)  # the third: the old one is forgotten
    with bound(tenant_by_id(tenant.id)):
        assert_all_is_there(2)
        assert read(key) == CONTENT
    masters(old, None)
    with RegistrySession() as registry:
        for row in registry.scalars(select(DataKey).where(DataKey.tenant_id == tenant.id)):
            with pytest.raises(InvalidTag):
                unwrap(row.wrapped)
        repeated = registry.get_one(Tenant, tenant.id).wrapped_key
        assert repeated is not None
        with pytest.raises(InvalidTag):
            unwrap(repeated)
    masters(new, None)


def test_a_key_that_neither_master_key_opens_is_named_and_the_others_are_wrapped_all_the_same(
    tenant: BoundTenant, new_tenant: Callable[..., BoundTenant], installation: Any, masters: Callable[..., None]
) -> None:
    broken = new_tenant()
    with RegistrySession() as registry:
        held = registry.get_one(DataKey, (broken.id, 1))
        wrapped = held.wrapped
        held.wrapped = bytes(60)
        registry.commit()
    old, new = installation.environment["TRILEND_MASTER_KEY"], new_master_key()
    masters(new, old)
    report = rotate_master()
    assert report.failed == [f"{broken.id}/1"]
    assert report.rewrapped == report.total - 1
    with RegistrySession() as registry:
        registry.get_one(DataKey, (broken.id, 1)).wrapped = wrapped
        registry.commit()


def test_a_master_key_of_the_wrong_length_is_named(installation: Any, masters: Callable[..., None]) -> None:
    masters(installation.environment["TRILEND_MASTER_KEY"], base64.b64encode(b"short").decode())
    with pytest.raises(ValueError, match="TRILEND_MASTER_KEY_OTHER must be 32 bytes"):
        unwrap(bytes(60))
