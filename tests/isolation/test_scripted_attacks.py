"""Invariant 1, tried: every scripted attack by the platform's own session and by the cell's login bare; none gets through."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.isolation.attacks import STACKED, Attack, Outcome, attacks
from tests.isolation.conftest import CANARY, Scene

from trilend.config import settings
from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.servers import _cell_url

ATTACKS = list(attacks())
# Refused not for want of rights but because this server has no such thing, or not in a transaction.
_NOT_THERE = (
    *("ALTER SYSTEM", "CREATE DATABASE", "CREATE TABLESPACE", "EXECUTE nothing", "FETCH ALL FROM nothing"),
    *("SET TRANSACTION SNAPSHOT", "PREPARE TRANSACTION", "SELECT dblink", "SELECT xmlparse"),
    "SELECT * FROM pg_stat_statements",
)
_BARE = "SELECT current_user, current_setting('search_path'), current_setting('statement_timeout')"


@pytest.fixture
def unchanged(scene: Scene) -> Iterator[None]:
    """Whatever the test does, roles, memberships, catalog and the victims' rows are afterwards as before."""
    before = scene.state()
    yield
    assert scene.state() == before


def test_there_are_enough_of_them() -> None:
    assert len(ATTACKS) + len(STACKED) >= 300
    assert len({attack.sql for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
@pytest.mark.usefixtures("unchanged")
def test_no_attack_gets_through_the_platforms_session(scene: Scene, attack: Attack) -> None:
    answer: list[Any] = []
    refusal: DBAPIError | None = None
    with bound(scene.attacker):
        normal = tenant_session.execute(text(_BARE)).one()
        try:
            result = tenant_session.execute(_literal(attack.text(scene.names(scene.neighbour))))
            answer = list(result.all()) if result.returns_rows else []
        except DBAPIError as error:
            refusal = error
        assert (refusal is None) == (attack.outcome == Outcome.HARMLESS), refusal
        tenant_session.rollback()
        assert tenant_session.execute(text(_BARE)).one() == normal
    _tells_nothing(answer)


@pytest.mark.parametrize("injected", STACKED)
@pytest.mark.usefixtures("unchanged")
def test_two_statements_in_one_text_are_refused_whole(scene: Scene, injected: str) -> None:
    with bound(scene.attacker):
        tenant_session.execute(text("SAVEPOINT a"))
        statement = injected.replace("{victim}", scene.neighbour.schema)
        with pytest.raises(DBAPIError):
            tenant_session.execute(_literal(statement))
        tenant_session.rollback()
        assert tenant_session.execute(text("SELECT current_user")).scalar_one() == scene.attacker.schema


@pytest.mark.parametrize("attack", ATTACKS, ids=str)
@pytest.mark.usefixtures("unchanged")
def test_no_attack_gets_through_the_cells_login(scene: Scene, attack: Attack) -> None:
    statement = attack.text(scene.names(scene.stranger))
    for protocol in ("simple", "extended"):
        answer: list[Any] = []
        refusal: psycopg.Error | None = None
        with _bare_login(scene) as connection:
            try:
                answer = _answer_to(connection, statement, protocol)
            except psycopg.Error as error:
                refusal = error
            assert (refusal is not None) == (attack.outcome == Outcome.REFUSED), refusal
            if refusal is None:
                # Whatever it has set by now: the stranger's rows stay out of reach.
                with pytest.raises(psycopg.Error):
                    connection.execute(f"SELECT email FROM {scene.stranger.schema}.ab_user")
            else:
                assert refusal.sqlstate == "42501" or statement.startswith(_NOT_THERE), refusal
        _tells_nothing(answer)


@pytest.mark.usefixtures("unchanged")
def test_whole_statements_do_not_leave_the_cell(scene: Scene) -> None:
    for protocol in ("simple", "extended"):
        for statement in (f"SET ROLE {scene.stranger.schema}", f"SET SESSION AUTHORIZATION {scene.stranger.schema}"):
            with _bare_login(scene) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
                _answer_to(connection, statement, protocol)


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "statement",
    ["ALTER SYSTEM SET log_statement = 'all'", "CREATE DATABASE evil", "CREATE TABLESPACE x LOCATION '/tmp'"],
)
def test_what_runs_outside_of_transactions_is_refused_too(scene: Scene, statement: str) -> None:
    with _bare_login(scene) as connection:
        connection.rollback()
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(statement.encode())


@pytest.mark.usefixtures("unchanged")
def test_the_login_gets_into_no_other_database(scene: Scene) -> None:
    url = _cell_url(settings().database_url.get_secret_value(), scene.attacker.cell).replace("+psycopg", "")
    for database in ("postgres", "template1"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(url, dbname=database)


@contextmanager
def _bare_login(scene: Scene) -> Iterator["psycopg.Connection[Any]"]:
    """The cell's login in a transaction of the attacker's, with none of our driver's own rules."""
    url = _cell_url(settings().database_url.get_secret_value(), scene.attacker.cell).replace("+psycopg", "")
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        own = scene.attacker.schema
        connection.execute(f"BEGIN; SET LOCAL ROLE {own}; SET LOCAL search_path TO {own}".encode())
        yield connection


def _answer_to(connection: "psycopg.Connection[Any]", statement: str, protocol: str) -> list[Any]:
    if statement.startswith("COPY") and "STDOUT" in statement:
        with connection.cursor().copy(statement.encode()) as copy:
            return [bytes(part) for part in copy]
    cursor = connection.execute(statement.encode(), binary=protocol == "extended")
    return list(cursor.fetchall()) if cursor.description else []


def _literal(statement: str) -> Any:
    return text(statement.replace(":", r"\:"))


def _tells_nothing(answer: list[Any]) -> None:
    told = repr(answer)
    assert CANARY not in told
    assert "root:" not in told
