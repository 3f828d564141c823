"""A fleet is moved to a release that comes after this one, with all that may go wrong on the way."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text
from tests.flow.migration.next_release import NextRelease

from trilend.parties.models import Party, PartyKind
from trilend.storage.sealed import blind_index
from trilend.tenancy.context import RegistrySession, bound, tenant_session
from trilend.tenancy.migration import travellers
from trilend.tenancy.migration.fleet import FleetReport, migrate_fleet
from trilend.tenancy.migration.models import FleetRun
from trilend.tenancy.migration.places import is_complete
from trilend.tenancy.migration.steps import Position, targets
from trilend.tenancy.migration.verification import verify_fleet
from trilend.tenancy.models import Spare, Tenant
from trilend.tenancy.servers import owner_connection
from trilend.tenancy.service import tenant_by_id
from trilend.tenancy.spares import refill_spares, renew_spares, spares_ready

COLUMN = "ALTER TABLE business_day ADD COLUMN note text"
BROKEN = 'op.execute("ALTER TABLE no_such_table ADD COLUMN note text")'


def register(tenant_id: str) -> Tenant:
    with RegistrySession() as registry:
        found = registry.get_one(Tenant, tenant_id)
        registry.expunge(found)
        return found


def has_note(tenant: Any) -> bool:
    with owner_connection("primary") as owner:
        found = owner.execute(
            "SELECT 1 FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'note' AND NOT attisdropped",
            (f"{tenant.schema}.business_day",),
        ).fetchone()
    return found is not None


def versions(tenant: Any) -> list[tuple[Any, ...]]:
    with owner_connection("primary") as owner:
        return owner.execute(f"SELECT branch, revision FROM {tenant.schema}.schema_version".encode()).fetchall()


@contextmanager
def locked(tenant: Any) -> Iterator[None]:
    """Somebody is in the middle of a long transaction on a table of the tenant's."""
    with owner_connection("primary") as owner:
        owner.execute(f"LOCK TABLE {tenant.schema}.business_day IN ACCESS SHARE MODE".encode())
        yield


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(travellers, "LOCK_TIMEOUT", "100ms")
    monkeypatch.setattr(travellers, "STATEMENT_TIMEOUT", "400ms")


def test_everybody_arrives_spares_too_and_a_second_run_finds_nothing_to_do(
    release: NextRelease, new_tenant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = [new_tenant("broker"), new_tenant("broker"), new_tenant("guarantee")]
    monkeypatch.setattr("trilend.tenancy.spares.settings", lambda: _Wanted(1))
    assert refill_spares() == 3
    release.adds("platform", f'op.execute("{COLUMN}")', fresh=COLUMN)
    told: list[int] = []

    with release.running():
        report = migrate_fleet(progress=lambda report: told.append(report.done))
        verified = verify_fleet()
        again = migrate_fleet()

    assert report == FleetReport(total=6, done=6)
    assert told[-1] == 6
    assert (verified.equal, verified.different, verified.behind) == (6, {}, [])
    assert again == FleetReport()
    assert all(has_note(tenant) for tenant in tenants)
    with RegistrySession() as registry:
        run = registry.scalars(select(FleetRun)).one()
        assert (run.total, run.done, run.failed, run.halted) == (6, 6, 0, {})
        assert run.finished_at is not None


def test_a_canary_that_fails_halts_its_kind_and_only_it(release: NextRelease, new_tenant: Callable[..., Any]) -> None:
    brokers = [new_tenant("broker") for _ in range(3)]
    guarantors = [new_tenant("guarantee") for _ in range(2)]
    release.adds("platform", f'op.execute("{COLUMN}")', fresh=COLUMN)
    release.adds("broker", BROKEN)

    with release.running():
        report = migrate_fleet()
        with RegistrySession() as registry:
            assert not is_complete(registry)
            assert registry.scalars(select(FleetRun.halted)).one() == report.halted

    assert list(report.halted) == ["broker"]
    assert "no_such_table" in report.halted["broker"]
    assert len(report.failed) == 1
    failed = [tenant for tenant in brokers if tenant.slug in report.failed]
    assert "no_such_table" in register(failed[0].id).fault
    untouched = [tenant for tenant in brokers if tenant.slug not in report.failed]
    assert [has_note(tenant) for tenant in untouched] == [False, False]
    assert [register(tenant.id).fault for tenant in untouched] == ["", ""]
    assert [has_note(tenant) for tenant in guarantors] == [True, True]


def test_a_canary_that_comes_out_different_from_a_fresh_one_halts_its_kind(
    release: NextRelease, new_tenant: Callable[..., Any]
) -> None:
    brokers = [new_tenant("broker") for _ in range(2)]
    release.adds("broker", f'op.execute("{COLUMN}")', fresh="ALTER TABLE business_day ADD COLUMN note varchar(9)")

    with release.running():
        report = migrate_fleet()

    assert "missing: column business_day.note character varying(9)" in report.halted["broker"]
    assert sorted(has_note(tenant) for tenant in brokers) == [False, True]


def test_a_tenant_that_is_locked_for_long_is_left_named_and_arrives_when_tried_again(
    release: NextRelease, new_tenant: Callable[..., Any], impatient: None
) -> None:
    tenants = sorted((new_tenant("broker") for _ in range(4)), key=lambda tenant: tenant.id)
    release.adds("broker", f'op.execute("{COLUMN}")', fresh=COLUMN)

    with release.running():
        # The first one would be the canary: that somebody works in it does not halt the kind.
        with locked(tenants[0]):
            report = migrate_fleet()
        with RegistrySession() as registry:
            complete = is_complete(registry)
        assert report.done == 3
        assert report.halted == {}
        assert list(report.failed) == [tenants[0].slug]
        assert "lock timeout" in report.failed[tenants[0].slug]
        assert "lock timeout" in register(tenants[0].id).fault
        assert complete, "all but the failed one have moved"
        assert not has_note(tenants[0])

        assert migrate_fleet(retry_faulty=False) == FleetReport()
        assert migrate_fleet(slugs=[tenants[0].slug]) == FleetReport(total=1, done=1)
        assert verify_fleet().equal == 4
    assert register(tenants[0].id).fault == ""


def test_a_tenant_whose_lock_is_let_go_of_arrives_in_the_same_run(
    release: NextRelease, new_tenant: Callable[..., Any], impatient: None
) -> None:
    tenants = sorted((new_tenant("broker") for _ in range(3)), key=lambda tenant: tenant.id)
    release.adds("broker", f'op.execute("{COLUMN}")', fresh=COLUMN)
    letting_go = threading.Event()

    def tell(report: FleetReport) -> None:
        if report.done == 2:
            letting_go.set()

    def hold() -> None:
        with locked(tenants[-1]):
            held.set()
            letting_go.wait(30)

    held = threading.Event()
    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    with release.running():
        report = migrate_fleet(progress=tell)
    holder.join()

    assert report == FleetReport(total=3, done=3)


def test_a_step_that_takes_too_long_is_cut_off_and_leaves_the_tenant_as_it_was(
    release: NextRelease, new_tenant: Callable[..., Any], impatient: None
) -> None:
    tenants = sorted((new_tenant("broker") for _ in range(3)), key=lambda tenant: tenant.id)
    with owner_connection("primary") as owner:
        owner.execute(f"UPDATE {tenants[-1].schema}.business_day SET closed_days = 9".encode())
    release.adds(
        "broker",
        f"""
        op.execute("{COLUMN}")
        op.execute("UPDATE business_day SET note = pg_sleep(2)::text WHERE closed_days = 9")
        """,
        fresh=COLUMN,
    )

    with release.running():
        report = migrate_fleet()

    assert list(report.failed) == [tenants[-1].slug]
    assert "statement timeout" in report.failed[tenants[-1].slug]
    assert report.done == 2
    assert not has_note(tenants[-1])


def test_two_runs_at_once_take_each_step_once(release: NextRelease, new_tenant: Callable[..., Any]) -> None:
    tenants = [new_tenant("broker") for _ in range(8)]
    for column in ("one", "two", "three"):
        ddl = f"ALTER TABLE business_day ADD COLUMN {column} text"
        release.adds("broker", f'op.execute("{ddl}")', fresh=ddl)
    reports: list[FleetReport] = []

    with release.running():
        targets()
        runs = [threading.Thread(target=lambda: reports.append(migrate_fleet())) for _ in range(2)]
        for run in runs:
            run.start()
        for run in runs:
            run.join()
        assert verify_fleet().equal == 8

    assert [(report.failed, report.halted) for report in reports] == [({}, {}), ({}, {})]
    for tenant in tenants:
        taken = versions(tenant)
        assert len(taken) == len(set(taken))


def test_a_data_step_works_in_portions_and_goes_on_where_it_was_cut_off(
    release: NextRelease, new_tenant: Callable[..., Any]
) -> None:
    tenant = new_tenant("broker")
    with owner_connection("primary") as owner:
        owner.execute(f"CREATE TABLE {tenant.schema}.figures (number int, doubled int)".encode())
        owner.execute(f"INSERT INTO {tenant.schema}.figures SELECT n, NULL FROM generate_series(1, 250) AS n".encode())
    release.adds(
        "broker",
        "pass",
        fresh="CREATE TABLE figures (number int, doubled int)",
        more="""
        def batch(connection):
            done = connection.execute(
                "UPDATE figures SET doubled = 2 * number WHERE number IN"
                " (SELECT number FROM figures WHERE doubled IS NULL ORDER BY number LIMIT 100)"
            )
            if connection.execute("SELECT count(*) FROM figures WHERE number = 150 AND doubled > 0").fetchone() == (1,):
                connection.execute("SELECT 1 / count(*) FROM figures WHERE number = 0")
            return done.rowcount == 100
        """,
    )

    def doubled() -> Any:
        with owner_connection("primary") as owner:
            return owner.execute(
                f"SELECT count(doubled), sum(doubled) FROM {tenant.schema}.figures".encode()
            ).fetchone()

    with release.running():
        report = migrate_fleet()
        assert "division by zero" in report.failed[tenant.slug]
        assert doubled() == (100, 2 * sum(range(1, 101))), "the first portion is kept, the second is not there"
        with owner_connection("primary") as owner:
            owner.execute(f"INSERT INTO {tenant.schema}.figures VALUES (0, 0)".encode())
        report = migrate_fleet()

    assert report == FleetReport(total=1, done=1)
    assert doubled() == (251, 2 * sum(range(251)))
    assert len([branch for branch, _ in versions(tenant) if branch == "broker"]) == 2


def test_a_data_step_opens_sealed_fields_and_writes_a_blind_index(
    release: NextRelease, new_tenant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, other = new_tenant("broker"), new_tenant("broker", name="别的公司")
    monkeypatch.setattr("trilend.tenancy.spares.settings", lambda: _Wanted(1))
    assert refill_spares() == 3
    mobiles = ["13800000001", "13800000002", "13800000001"]
    for each in (tenant, other):
        with bound(each):
            tenant_session().add_all(_party(number, mobile) for number, mobile in enumerate(mobiles))
            tenant_session.commit()
    release.adds(
        "broker",
        'op.execute("ALTER TABLE party ADD COLUMN mobile_index VARCHAR(64)")',
        fresh="ALTER TABLE party ADD COLUMN mobile_index VARCHAR(64)",
    )
    release.adds(
        "broker",
        "pass",
        more="""
        def batch(connection, seals):
            rows = connection.execute("SELECT id, mobile FROM party WHERE mobile_index IS NULL LIMIT 2").fetchall()
            with connection.cursor() as cursor:
                cursor.executemany(
                    "UPDATE party SET mobile_index = %s, mobile = %s WHERE id = %s",
                    [
                        (seals.blind_index(text), seals.seal_text("+86" + text), id)
                        for id, text in [(id, seals.open_text(mobile)) for id, mobile in rows]
                    ],
                )
            return len(rows) == 2
        """,
    )

    with release.running():
        report = migrate_fleet()

    assert (report.failed, report.halted) == ({}, {})
    assert report.done == 3, "two companies, and the spare that went first and has no keys"
    seen = []
    for each in (tenant, other):
        with bound(tenant_by_id(each.id)):
            session = tenant_session()
            found = session.execute(text("SELECT mobile_index FROM party ORDER BY identifier_index")).scalars().all()
            assert found == [blind_index(mobile) for mobile in mobiles]
            opened = session.scalars(select(Party.mobile).order_by(Party.identifier_index)).all()
            assert opened == ["+86" + mobile for mobile in mobiles]
            seen.append(found)
    assert set(seen[0]).isdisjoint(seen[1]), "each company's own key made its index"


def _party(number: int, mobile: str) -> Party:
    return Party(
        kind=PartyKind.PERSON,
        name=f"客户{number}",
        identifier=f"11010119900101{number:04d}",
        identifier_index=f"{number:064d}",
        mobile=mobile,
        account_number="",
        account_index="",
    )


def test_a_tenant_that_a_newer_release_has_moved_on_is_not_behind_for_this_one(
    release: NextRelease, new_tenant: Callable[..., Any]
) -> None:
    tenant = new_tenant("broker")
    release.adds("broker", f'op.execute("{COLUMN}")', fresh=COLUMN)
    with release.running():
        assert migrate_fleet().done == 1
    ahead = register(tenant.id).revision

    assert Position.read(ahead).kind == "0002"
    with RegistrySession() as registry:
        assert is_complete(registry)
    assert migrate_fleet() == FleetReport()
    report = verify_fleet()
    assert (report.equal, report.different, report.behind) == (0, {}, [])
    assert register(tenant.id).revision == ahead
    assert has_note(tenant)


def test_a_kind_goes_on_after_its_broken_step_was_mended(release: NextRelease, new_tenant: Callable[..., Any]) -> None:
    tenants = [new_tenant("broker") for _ in range(3)]
    release.adds("broker", BROKEN, fresh=COLUMN)
    with release.running():
        assert migrate_fleet().halted
    file = release.folder / "broker" / "0002_next.py"
    file.write_text(file.read_text().replace("no_such_table", "business_day"))

    with release.running():
        report = migrate_fleet()
        assert report == FleetReport(total=3, done=3)
        assert verify_fleet().equal == 3
    assert [register(tenant.id).fault for tenant in tenants] == ["", "", ""]


def test_spares_of_another_release_are_thrown_away_after_the_migration(
    release: NextRelease, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trilend.tenancy.spares.settings", lambda: _Wanted(2))
    refill_spares()
    with RegistrySession() as registry:
        before = set(registry.scalars(select(Spare.id)))
    release.adds("broker", f'op.execute("{COLUMN}")', fresh=COLUMN)

    with release.running():
        migrate_fleet()
        assert renew_spares() == 2
        with RegistrySession() as registry:
            assert spares_ready(registry) == {"microfinance": 2, "guarantee": 2, "broker": 2}
            after = {spare.id: spare.kind for spare in registry.scalars(select(Spare))}

    # Spares of the kinds that did not change stay.
    assert len(after) == 6
    assert sorted(after[spare] for spare in after.keys() - before) == ["broker", "broker"]
    with owner_connection("primary") as owner:
        left = owner.execute(
            "SELECT count(*) FROM pg_namespace WHERE nspname = ANY(%s)",
            ([f"t_{gone}" for gone in before - after.keys()],),
        ).fetchone()
    assert left == (0,)


class _Wanted:
    """Settings that want so many spares."""

    def __init__(self, spares: int) -> None:
        self.spares_per_kind = spares


def test_an_outage_of_the_database_ends_the_run_loudly(
    release: NextRelease, new_tenant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    tenants = [new_tenant("broker") for _ in range(4)]
    release.adds("broker", f'op.execute("{COLUMN}")', fresh=COLUMN)
    away = threading.Event()

    def connect(shard: str, *, autocommit: bool = False) -> Any:
        if away.is_set():
            raise psycopg.OperationalError("the server is away")
        return owner_connection(shard, autocommit=autocommit)

    def tell(report: FleetReport) -> None:
        away.set()

    monkeypatch.setattr("trilend.tenancy.migration.fleet.owner_connection", connect)
    monkeypatch.setattr("trilend.tenancy.migration.fleet._PAUSE", 0.01)
    with release.running():
        # The first sign of progress is that of the canary at the earliest; whoever comes after finds no server.
        monkeypatch.setattr("trilend.tenancy.migration.fleet._PORTION", 1)
        report = migrate_fleet(progress=tell)
        assert report.done + len(report.failed) == 4
        assert set(report.failed.values()) <= {"the server is away"}
        assert report.failed
        monkeypatch.undo()
        assert migrate_fleet().done == len(report.failed)
    assert all(has_note(tenant) for tenant in tenants)
