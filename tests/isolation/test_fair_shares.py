"""Noisy neighbours: what one company may take at a time of connections, threads and time, and that others do not notice."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests.isolation.conftest import Scene
from werkzeug.test import Client

from trilend.config import settings
from trilend.db.errors import TenantBusy, limit_reached
from trilend.db.shares import Shares
from trilend.tenancy.context import TenantSession, bound, bound_request
from trilend.tenancy.servers import LOGIN, cell_login, engine_of

_HEAVY = text("SELECT count(*) FROM generate_series(1, 100000000000) AS n")


@pytest.fixture
def _calm(scene: Scene) -> Iterator[None]:
    """Pools with nothing taken before and after."""
    yield
    for tenant in (scene.attacker, scene.neighbour):
        pool = engine_of(tenant.shard, tenant.cell).pool
        assert pool._shares.held(tenant.schema) == 0  # type: ignore[attr-defined]


@pytest.mark.usefixtures("_calm")
def test_a_company_has_its_share_of_connections_and_no_more(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    shares = engine_of(scene.attacker.shard, scene.attacker.cell).pool._shares  # type: ignore[attr-defined]
    monkeypatch.setattr(shares, "_patience", 0.1)
    with ExitStack() as running:
        for _ in range(settings().database_connections_per_tenant):
            last = running.enter_context(ExitStack())
            last.enter_context(bound_request(scene.attacker))
            last.enter_context(TenantSession()).execute(text("SELECT 1"))
            # A second one for the same request is not counted: it would wait for itself.
            last.enter_context(TenantSession()).execute(text("SELECT 1"))
        with bound_request(scene.attacker), TenantSession() as one_more, pytest.raises(TenantBusy) as refused:
            one_more.execute(text("SELECT 1"))
        assert (refused.value.status, refused.value.retry) == (503, True)
        last.close()
        with bound_request(scene.attacker), TenantSession() as again:
            assert again.execute(text("SELECT 1")).scalar_one() == 1
        with bound_request(scene.neighbour), TenantSession() as other:
            assert other.execute(text("SELECT current_user")).scalar_one() == scene.neighbour.schema


@pytest.mark.usefixtures("_calm")
def test_a_connection_that_breaks_gives_its_share_back(scene: Scene) -> None:
    for _ in range(settings().database_connections_per_tenant * 2):
        with bound_request(scene.attacker), TenantSession() as session:
            session.execute(text("SELECT 1"))
            backend = session.connection().connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
            scene.superuser.execute("SELECT pg_terminate_backend(%s)", (backend,))
            with pytest.raises(DBAPIError):
                session.execute(text("SELECT 1"))
    with bound_request(scene.attacker), TenantSession() as session:
        assert session.execute(text("SELECT 1")).scalar_one() == 1


def test_a_statement_of_a_request_is_stopped_at_its_time(scene: Scene) -> None:
    with bound_request(scene.attacker, 1), TenantSession() as session:
        begun = time.monotonic()
        with pytest.raises(DBAPIError) as stopped:
            session.execute(_HEAVY)
        assert time.monotonic() - begun < 5
        session.rollback()
        reached = limit_reached(stopped.value)
        assert reached is not None
        assert (reached.code, reached.status) == ("took_too_long", 503)
    with bound(scene.attacker), TenantSession() as session:
        assert session.execute(text("SELECT current_setting('statement_timeout')")).scalar_one() == "5min"


def test_every_login_has_its_limits_from_the_server(scene: Scene) -> None:
    rows = scene.superuser.execute(
        "SELECT rolname, rolconnlimit, rolinherit, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls, rolconfig"
        " FROM pg_roles WHERE rolname = ANY(%s)",
        ([LOGIN, cell_login(0), cell_login(1)],),
    ).fetchall()
    assert len(rows) == 3
    for _, connections, inherits, mighty, limits in rows:
        assert (connections, inherits, mighty) == (64, False, False)
        assert set(limits) == {
            *("statement_timeout=5min", "transaction_timeout=15min", "lock_timeout=10s"),
            *("idle_in_transaction_session_timeout=60s", "temp_file_limit=2GB", "work_mem=16MB"),
        }


def test_logins_own_nothing_and_are_members_of_their_own_cell_only(scene: Scene) -> None:
    owned = scene.superuser.execute(
        "SELECT count(*) FROM pg_shdepend AS d JOIN pg_roles AS r ON r.oid = d.refobjid"
        " WHERE d.deptype = 'o' AND (r.rolname ~ '^trilend_(app|cell)' OR r.rolname = %s)",
        (scene.attacker.schema,),
    ).fetchone()
    assert owned == (0,)
    memberships = scene.superuser.execute(
        "SELECT m.member::regrole::text, m.inherit_option, m.admin_option FROM pg_auth_members AS m"
        " WHERE m.roleid = %s::regrole",
        (scene.attacker.schema,),
    ).fetchall()
    assert {row for row in memberships if row[0] != "trilend_owner"} == {
        (cell_login(scene.attacker.cell), False, False)
    }


def test_one_request_too_many_is_told_to_wait_and_others_are_served(
    application: Any, browse: Callable[[str], Client], scene: Scene
) -> None:
    shares: Shares = application._shares
    for _ in range(settings().requests_per_tenant):
        shares.take(scene.attacker.id)
    try:
        page = browse(f"{scene.attacker.slug}.localhost").get("/login/", headers={"Accept-Language": "en"})
        assert page.status_code == 503
        assert int(page.headers["Retry-After"]) >= 1
        assert "Too many requests of your company" in page.get_data(as_text=True)
        problem = browse(f"{scene.attacker.slug}.localhost").get("/api/v1/parties")
        assert (problem.status_code, problem.get_json()["code"], problem.get_json()["retry"]) == (503, "busy", True)
        assert browse(f"{scene.neighbour.slug}.localhost").get("/login/").status_code == 200
    finally:
        for _ in range(settings().requests_per_tenant):
            shares.give_back(scene.attacker.id)
    assert browse(f"{scene.attacker.slug}.localhost").get("/login/").status_code == 200


@pytest.mark.slow
@pytest.mark.usefixtures("_calm")
def test_heavy_statements_of_one_company_do_not_stop_its_neighbours_requests(
    application: Any, browse: Callable[[str], Client], scene: Scene
) -> None:
    client = browse(f"{scene.neighbour.slug}.localhost")

    def seconds() -> float:
        begun = time.perf_counter()
        assert client.get("/login/").status_code == 200
        return time.perf_counter() - begun

    for _ in range(20):
        seconds()
    alone = statistics.quantiles([seconds() for _ in range(60)], n=20)[-1]
    stop = threading.Event()

    def burn() -> int:
        refused = 0
        while not stop.is_set():
            with bound_request(scene.attacker, 1), TenantSession() as session:
                try:
                    session.execute(_HEAVY)
                except TenantBusy:
                    refused += 1
                except DBAPIError:
                    session.rollback()
        return refused

    # Twelve threads ask for ten times what one company may have of the eight connections of the cell both share.
    with ThreadPoolExecutor(12) as crowd:
        burning = [crowd.submit(burn) for _ in range(12)]
        time.sleep(0.5)
        beside = statistics.quantiles([seconds() for _ in range(60)], n=20)[-1]
        stop.set()
        for each in burning:
            each.result()
    # Four statements compete for the processors; what may not happen is to wait for a connection (seconds).
    assert beside < max(20 * alone, 1.5), (alone, beside)
