"""A company's space is made whole or not at all; names and spares go to exactly one, however many want them at once."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from sqlalchemy import delete, event, func, select
from tests.numbers import new_uscc

from trilend.signup.making import make_tenant
from trilend.storage.keys import new_wrapped_key
from trilend.tenancy import provisioning, spares
from trilend.tenancy.blueprint import Blueprint, blueprint_of
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.errors import CompanyTaken, SlugTaken
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.models import Spare, Tenant, TenantState
from trilend.tenancy.provisioning import FirstAdministrator, provision
from trilend.tenancy.service import register_tenant
from trilend.tenancy.spares import refill_spares, spares_ready, spares_wanted

PERSON = FirstAdministrator("admin", "管理员", "admin@example.com", "hashed before")


def unused_slug() -> str:
    return f"p{secrets.token_hex(5)}"


def register(*, slug: str | None = None, uscc: str | None = None, kind: str = "broker") -> str:
    with RegistrySession() as session:
        tenant = register_tenant(
            session,
            slug=slug or unused_slug(),
            kind=kind,
            name="远信助贷服务有限公司",
            uscc=uscc or new_uscc(),
            wrapped_key=new_wrapped_key(),
        )
        session.commit()
        return tenant.id


def tenant_of(tenant_id: str) -> Tenant | None:
    with RegistrySession() as session:
        found = session.get(Tenant, tenant_id)
        session.expunge_all()
        return found


@pytest.fixture
def spaces(installation: Any) -> Callable[[], set[str]]:
    """The schemas and roles of tenants that there are in this database."""

    def look() -> set[str]:
        with psycopg.connect(installation.database.superuser_url) as connection:
            rows = connection.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 't_')").fetchall()
            return {str(row[0]) for row in rows}

    return look


@pytest.fixture
def wanted(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Says how many spares of each kind are wanted; none are left at the end."""
    number = [0]
    monkeypatch.setattr(spares, "settings", lambda: type("Wanted", (), {"spares_per_kind": number[0]}))

    def want(count: int) -> None:
        number[0] = count

    yield want
    with RegistrySession() as session:
        left = [(spare.id, spare.shard) for spare in session.scalars(select(Spare))]
        session.execute(delete(Spare))
        session.commit()
    with psycopg.connect(installation.database.owner_url) as owner:
        for spare, _ in left:
            provisioning.drop_space(owner, f"t_{spare}")
            owner.commit()


class _Crash(Exception):
    """The process dies here."""


def statements_of_provisioning(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is sent to the server as owner, one entry a message."""
    sent: list[str] = []
    _watch(monkeypatch, lambda number, text: sent.append(text))
    provision(register(), PERSON)
    monkeypatch.undo()
    return sent


def _watch(monkeypatch: pytest.MonkeyPatch, before: Callable[[int, str], object]) -> None:
    usual = provisioning.owner_connection

    def connect(shard: str, **options: Any) -> Any:
        connection = usual(shard, **options)
        execute, count = connection.execute, [0]

        def watched(query: Any, *rest: Any, **more: Any) -> Any:
            text = query.decode() if isinstance(query, bytes) else str(query)
            before(count[0], text)
            count[0] += 1
            return execute(query, *rest, **more)

        connection.execute = watched  # type: ignore[method-assign]
        return connection

    monkeypatch.setattr(provisioning, "owner_connection", connect)


def test_a_failure_before_any_message_leaves_nothing_and_a_retry_makes_it_whole(
    installation: Any, monkeypatch: pytest.MonkeyPatch, spaces: Callable[[], set[str]]
) -> None:
    messages = statements_of_provisioning(monkeypatch)
    assert len(messages) >= 5
    before = spaces()
    for number in range(len(messages)):
        tenant_id = register()

        def crash(at: int, _text: str, number: int = number) -> None:
            if at == number:
                raise _Crash

        _watch(monkeypatch, crash)
        with pytest.raises(_Crash):
            provision(tenant_id, PERSON)
        monkeypatch.undo()

        assert spaces() == before, messages[number][:80]
        assert tenant_of(tenant_id).state == TenantState.PROVISIONING
        provision(tenant_id, PERSON)
        assert tenant_of(tenant_id).state == TenantState.TRIAL
        before = spaces()
        assert f"t_{tenant_id}" in before


def test_a_blueprint_that_fails_in_the_middle_leaves_nothing(installation: Any, spaces: Callable[[], set[str]]) -> None:
    usual = blueprint_of("broker")
    statements = usual.sql.split(";\n")
    before = spaces()
    for share in (0.1, 0.5, 0.9, 1.0):
        cut = ";\n".join([*statements[: int(len(statements) * share)], "SELECT 1 / 0"])
        broken = Blueprint("broker", cut, "", "", usual.opening, usual.permissions)
        tenant_id = register()

        with pytest.raises(psycopg.errors.DivisionByZero):
            provision(tenant_id, PERSON, broken)

        assert spaces() == before
        provision(tenant_id, PERSON)
        before = spaces()


def test_a_crash_between_schema_and_registry_is_made_good_by_the_next_attempt(
    installation: Any, spaces: Callable[[], set[str]]
) -> None:
    tenant_id = register()

    def crash(*_: object) -> None:
        raise _Crash

    event.listen(RegistrySession, "before_commit", crash)
    try:
        with pytest.raises(_Crash):
            provision(tenant_id, PERSON)
    finally:
        event.remove(RegistrySession, "before_commit", crash)
    assert f"t_{tenant_id}" in spaces(), "the schema is there"
    assert tenant_of(tenant_id).state == TenantState.PROVISIONING, "and nobody can enter"

    provision(tenant_id, PERSON)
    provision(tenant_id, PERSON)

    with psycopg.connect(installation.database.superuser_url) as connection:
        people = connection.execute(f"SELECT username FROM t_{tenant_id}.ab_user".encode()).fetchall()
    assert people == [("admin",)]


def test_provisioning_at_once_makes_one_space(installation: Any) -> None:
    tenant_id = register()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: provision(tenant_id, PERSON), range(4)))

    with psycopg.connect(installation.database.superuser_url) as connection:
        people = connection.execute(f"SELECT count(*) FROM t_{tenant_id}.ab_user".encode()).fetchone()
    assert people == (1,)


def _attempt(slug: str, uscc: str) -> str:
    try:
        return register(slug=slug, uscc=uscc)
    except (SlugTaken, CompanyTaken) as refused:
        return type(refused).__name__


@pytest.mark.parametrize("alike", [["rnodern"] * 6, ["rn0dern", "modern", "m0dern", "rnoclern", "modem", "rnodern"]])
def test_one_address_goes_to_one_of_those_who_want_it_at_once(installation: Any, alike: list[str]) -> None:
    mark = secrets.token_hex(3).translate(str.maketrans("0125", "abce"))
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda name: _attempt(f"{name}-{mark}", new_uscc()), alike))

    assert outcomes.count("SlugTaken") == 5
    assert len([outcome for outcome in outcomes if tenant_of(outcome)]) == 1


def test_one_company_number_goes_to_one_of_those_who_want_it_at_once(installation: Any) -> None:
    number = new_uscc()
    written = [number, number.lower(), f" {number}", f"{number[:9]} {number[9:]}", f"{number[:9]}-{number[9:]}", number]
    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(lambda uscc: _attempt(f"uscc-{secrets.token_hex(4)}", uscc), written))

    assert outcomes.count("CompanyTaken") == 5
    assert len([outcome for outcome in outcomes if tenant_of(outcome)]) == 1


def test_an_address_with_the_name_of_a_column_is_refused_as_an_address(installation: Any) -> None:
    slug = f"uscc-{secrets.token_hex(4)}"
    register(slug=slug)
    assert _attempt(slug, new_uscc()) == "SlugTaken"


def test_a_refusal_gives_the_spare_back(installation: Any, wanted: Callable[[int], None]) -> None:
    wanted(1)
    refill_spares()
    taken = unused_slug()
    first = register(slug=taken, kind="guarantee")

    assert _attempt(taken, new_uscc()) == "SlugTaken"
    with RegistrySession() as session:
        assert spares_ready(session) == {"microfinance": 1, "guarantee": 0, "broker": 1}
    assert tenant_of(first).revision == targets()["guarantee"]


def test_a_spare_goes_to_one_of_those_who_claim_it_at_once(installation: Any, wanted: Callable[[int], None]) -> None:
    wanted(3)
    refill_spares()
    with RegistrySession() as session:
        warm = set(session.scalars(select(Spare.id).where(Spare.kind == "broker")))

    with ThreadPoolExecutor(8) as pool:
        registered = list(pool.map(lambda _: register(), range(8)))

    assert len(set(registered)) == 8
    assert warm < set(registered)
    for tenant_id in registered:
        provision(tenant_id, PERSON)
    with RegistrySession() as session:
        states = session.scalars(select(Tenant.state).where(Tenant.id.in_(registered))).all()
        assert set(states) == {TenantState.TRIAL}
        assert session.scalar(select(func.count()).where(Spare.kind == "broker")) == 0


def test_many_who_refill_at_once_make_no_more_than_are_wanted(
    installation: Any, wanted: Callable[[int], None], spaces: Callable[[], set[str]]
) -> None:
    wanted(2)
    before = spaces()
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda _: refill_spares(), range(6)))

    assert sum(made) == 6
    with RegistrySession() as session:
        assert spares_ready(session) == {"microfinance": 2, "guarantee": 2, "broker": 2}
        assert not spares_wanted(session)
        assert {f"t_{spare}" for spare in session.scalars(select(Spare.id))} == spaces() - before


@pytest.mark.parametrize("moment", ["while the schema is made", "when the schema is there"])
def test_what_a_killed_refill_has_left_is_removed_by_the_next_one(
    installation: Any,
    wanted: Callable[[int], None],
    spaces: Callable[[], set[str]],
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    wanted(1)
    before = spaces()

    def crash(*_: object) -> None:
        raise _Crash

    with monkeypatch.context() as dying:
        if moment == "while the schema is made":
            dying.setattr(spares, "make_space", crash)
        else:
            committed = spares.owner_connection

            class Dying:
                """A connection after whose transaction the process is gone."""

                def __init__(self, shard: str) -> None:
                    self._real = committed(shard)

                def __enter__(self) -> Any:
                    return self._real

                def __exit__(self, failed: Any, *_: object) -> None:
                    self._real.close()
                    if failed is None and f"t_{_unfinished()}" in spaces():
                        raise _Crash

            dying.setattr(spares, "owner_connection", Dying)
            dying.setattr(RegistrySession, "commit", _commit_but_not_ready)
        with pytest.raises(_Crash):
            refill_spares()
    left = _unfinished()
    assert left
    assert (f"t_{left}" in spaces()) == (moment == "when the schema is there")
    with RegistrySession() as session:
        assert sum(spares_ready(session).values()) == 0, "nobody can claim it"

    assert refill_spares() == 3
    assert f"t_{left}" not in spaces()
    assert len(spaces() - before) == 3


def _unfinished() -> str | None:
    with RegistrySession() as session:
        return session.scalar(select(Spare.id).where(Spare.revision == ""))


def _commit_but_not_ready(session: RegistrySession) -> None:
    """Commit, unless it is the one that says that a spare is ready: the process dies before."""
    ready = [row for row in session.dirty if isinstance(row, Spare)] or [
        row for row in session.identity_map.values() if isinstance(row, Spare) and row.blueprint
    ]
    if ready:
        raise _Crash
    super(RegistrySession, session).commit()


def test_a_spare_that_was_found_faulty_is_thrown_away(
    installation: Any, wanted: Callable[[int], None], spaces: Callable[[], set[str]]
) -> None:
    wanted(1)
    refill_spares()
    with RegistrySession() as session:
        spare = session.scalars(select(Spare).where(Spare.kind == "broker")).one()
        spare.fault = "differs: not expected: index"
        session.commit()
        faulty = spare.id

    assert refill_spares() == 1
    assert f"t_{faulty}" not in spaces()
    with RegistrySession() as session:
        assert spares_ready(session)["broker"] == 1


def test_a_company_that_could_not_be_made_by_hand_leaves_its_names_free(
    installation: Any, monkeypatch: pytest.MonkeyPatch, spaces: Callable[[], set[str]]
) -> None:
    before = spaces()
    given = {
        "slug": unused_slug(),
        "kind": "broker",
        "name": "远信助贷服务有限公司",
        "uscc": new_uscc(),
        "admin": "admin",
        "email": "a@example.com",
        "password": "correct horse battery",
    }

    def crash(*_: object) -> None:
        raise _Crash

    with monkeypatch.context() as dying:
        dying.setattr(provisioning, "_hand_over", crash)
        with pytest.raises(_Crash):
            make_tenant(**given)
    assert spaces() == before
    with RegistrySession() as session:
        assert session.scalar(select(Tenant).where(Tenant.slug == given["slug"])) is None

    assert make_tenant(**given).state == TenantState.TRIAL


def test_a_company_whose_making_was_killed_is_finished_by_the_same_call_later(installation: Any) -> None:
    slug, number = unused_slug(), new_uscc()
    tenant_id = register(slug=slug, uscc=number)
    given = {"slug": slug, "kind": "broker", "name": "远信", "uscc": number, "admin": "admin", "email": "a@example.com"}

    # For all that is known the first call is still at work.
    with pytest.raises(SlugTaken):
        make_tenant(**given, password="correct horse battery")
    with RegistrySession() as session:
        tenant = session.get_one(Tenant, tenant_id)
        tenant.created_at = tenant.created_at.replace(year=2020)
        session.commit()

    assert make_tenant(**given, password="correct horse battery").id == tenant_id
