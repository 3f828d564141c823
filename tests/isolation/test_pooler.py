"""PgBouncer in transaction mode before the server: walls hold where transactions of many tenants share a connection."""

import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from tests import stack
from tests.conftest import PASSWORD
from tests.isolation.attacks import STACKED, Outcome, attacks
from tests.isolation.conftest import CANARY, Scene
from tests.isolation.test_http_walls import sign_in
from werkzeug.test import Client

from trilend.config import settings
from trilend.embedded.postgres import _account
from trilend.embedded.process import spawn, stop
from trilend.tenancy import context, servers
from trilend.tenancy.bootstrap import prepare_cluster
from trilend.tenancy.context import RegistrySession, TenantSession, bound, tenant_session
from trilend.tenancy.gate import run_report

_POOLER_PASSWORD = "pooler-in-tests"
_SETTINGS = Path(__file__).parents[2] / "infra" / "pgbouncer" / "pgbouncer.ini"


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer that has one connection to the server for each login."""

    port: int

    def url(self, login: str, password: str, database: str) -> str:
        """Its address for a login."""
        return f"postgresql+psycopg://{login}:{password}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def pooler(postgres: Any, scene: Scene, run_folder: Path) -> Iterator[Pooler]:
    """PgBouncer with the settings of `infra/`, but one connection to the server for each login."""
    prepare_cluster(
        postgres.superuser_url(),
        owner_password=stack.OWNER_PASSWORD,
        login_password=stack.LOGIN_PASSWORD,
        pooler_password=_POOLER_PASSWORD,
        cells=stack.CELLS,
    )
    folder = run_folder / f"pgbouncer-{os.getpid()}"
    folder.mkdir()
    account = _account(folder) if os.geteuid() == 0 else None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "userlist.txt").write_text(f'"trilend_pooler" "{_POOLER_PASSWORD}"\n', encoding="utf-8")
    server = parse_qs(urlsplit(postgres.superuser_url()).query)["host"][0]
    changed = {
        "trilend": f"* = host={server} port=5432",
        "listen_addr": "listen_addr = 127.0.0.1",
        "listen_port": f"listen_port = {port}",
        "auth_file": f"auth_file = {folder}/userlist.txt",
        "default_pool_size": "default_pool_size = 1",
    }
    lines = _SETTINGS.read_text(encoding="utf-8")
    for name, line in changed.items():
        lines, count = re.subn(rf"^{name} = .*$", line, lines, flags=re.MULTILINE)
        assert count == 1, name
    (folder / "pgbouncer.ini").write_text(lines + "unix_socket_dir =\n", encoding="utf-8")
    if account:
        shutil.chown(folder, account.uid)
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    process = spawn([program, folder / "pgbouncer.ini"], log=folder / "log", account=account)
    try:
        _wait_for(port, folder / "log")
        yield Pooler(port)
    finally:
        stop(process, signal.SIGINT)


@pytest.fixture(scope="module")
def _through_the_pooler(installation: Any, pooler: Pooler) -> Iterator[None]:
    """All of the platform's engines of this process, until the module ends, go to PgBouncer."""
    direct = installation.environment["TRILEND_DATABASE_URL"]
    database = urlsplit(direct).path.lstrip("/")
    _reconnect(pooler.url("trilend_app", stack.LOGIN_PASSWORD, database))
    yield
    _reconnect(direct)


pytestmark = pytest.mark.usefixtures("_through_the_pooler")


def test_tenants_of_a_cell_take_turns_on_one_connection_each_in_its_own_role_and_path(scene: Scene) -> None:
    backends = set()
    for _ in range(20):
        for tenant in (scene.attacker, scene.neighbour):
            with bound(tenant), TenantSession() as session:
                backend, role, path = session.execute(
                    text("SELECT pg_backend_pid(), current_user, current_setting('search_path')")
                ).one()
                assert (role, path) == (tenant.schema, tenant.schema)
                backends.add(backend)
                session.rollback()
    assert len(backends) == 1, "the pooler was to hold one connection, so that turns were taken"


def test_transactions_of_two_cells_and_the_registry_interleave(scene: Scene) -> None:
    with (
        bound(scene.attacker),
        TenantSession() as mine,
        RegistrySession() as registry,
    ):
        mine.execute(text("SELECT 1"))
        registry.execute(text("SELECT 1 FROM tenant"))
        with bound(scene.stranger), TenantSession() as theirs:
            assert theirs.execute(text("SELECT email FROM ab_user")).scalars().all() == [CANARY]
        assert mine.execute(text("SELECT email FROM ab_user")).scalars().all() == ["admin@example.com"]
        assert mine.execute(text("SELECT current_user")).scalar_one() == scene.attacker.schema
        assert registry.execute(text("SELECT current_user")).scalar_one() == "trilend_registry"


def test_what_a_login_is_between_transactions_can_read_nothing(scene: Scene, pooler: Pooler) -> None:
    with bound(scene.attacker):
        tenant_session.execute(text("SELECT email FROM ab_user"))
        tenant_session.commit()
    url = servers._cell_url(settings().database_url.get_secret_value(), scene.attacker.cell)
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True, prepare_threshold=None) as bare:
        assert bare.execute("SELECT current_user::text").fetchone() == (servers.cell_login(scene.attacker.cell),)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            bare.execute(f"SELECT email FROM {scene.attacker.schema}.ab_user")


def test_injected_sql_is_refused_as_without_the_pooler(scene: Scene) -> None:
    before = scene.state()
    names = scene.names(scene.neighbour)
    tried = 0
    with bound(scene.attacker):
        for attack in attacks():
            if attack.outcome == Outcome.HARMLESS:
                continue
            with pytest.raises(DBAPIError):
                tenant_session.execute(text(attack.text(names).replace(":", r"\:")))
            tenant_session.rollback()
            tried += 1
        for statement in STACKED:
            with pytest.raises(DBAPIError):
                tenant_session.execute(text(statement.replace("{victim}", scene.neighbour.schema)))
            tenant_session.rollback()
        role, path, limit = tenant_session.execute(
            text("SELECT current_user, current_setting('search_path'), current_setting('statement_timeout')")
        ).one()
        assert (role, path, limit) == (scene.attacker.schema, scene.attacker.schema, "5min")
    assert tried > 300
    assert scene.state() == before


def test_the_limits_of_the_logins_reach_through_the_pooler(scene: Scene) -> None:
    with bound(scene.attacker):
        names = ("statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout", "temp_file_limit")
        found = [
            tenant_session.execute(text("SELECT current_setting(:name)"), {"name": name}).scalar_one() for name in names
        ]
        assert found == ["5min", "15min", "1min", "2GB"]


def test_pages_and_reports_work_through_the_pooler(browse: Callable[[str], Client], scene: Scene) -> None:
    client = browse(f"{scene.attacker.slug}.localhost")
    sign_in(client, PASSWORD)
    for path in ("/customers/", "/books/", "/loans/", "/people/list/"):
        assert client.get(path).status_code == 200, path
    with bound(scene.attacker):
        assert run_report("SELECT count(*) > 5 AS many FROM account").rows == [{"many": True}]


def test_the_poolers_login_learns_the_secrets_of_our_logins_and_nothing_else(
    installation: Any, postgres: Any, scene: Scene
) -> None:
    database = urlsplit(installation.environment["TRILEND_DATABASE_URL"]).path.lstrip("/")
    with psycopg.connect(postgres.url("trilend_pooler", _POOLER_PASSWORD, database), autocommit=True) as connection:
        ask = "SELECT name, secret FROM trilend_guard.pooler_secret(%s)"
        name, secret = connection.execute(ask, ("trilend_app",)).fetchone() or ("", "")
        assert (name, secret[:14]) == ("trilend_app", "SCRAM-SHA-256$")
        for login in ("postgres", "trilend_owner", "trilend_pooler", scene.attacker.schema):
            assert connection.execute(ask, (login,)).fetchone() in (None, (None, None)), login
        for table in (f"{scene.attacker.schema}.ab_user", "trilend.tenant", "pg_authid", "pg_shadow"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(f"SELECT * FROM {table}")
    with bound(scene.attacker), pytest.raises(DBAPIError):
        tenant_session.execute(text("SELECT trilend_guard.pooler_secret('trilend_app')"))


def _reconnect(url: str) -> None:
    """Point this process at another address: everything that was opened before is closed."""
    for engine in servers._engines.values():
        engine.dispose()
    os.environ["TRILEND_DATABASE_URL"] = url
    for memory in (settings, context._engine_for, context._registry_engine):
        memory.cache_clear()
    servers._engines.clear()


def _wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text(encoding="utf-8"))
