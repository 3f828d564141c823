"""The real servers of a test run: one PostgreSQL for all workers, a database and a broker for each."""

import secrets
from dataclasses import dataclass
from pathlib import Path

import psycopg

from trilend.embedded.postgres import PostgresServer
from trilend.tenancy.bootstrap import prepare_cluster, prepare_database
from trilend.tenancy.migration.registry import migrate_registry

OWNER_PASSWORD, LOGIN_PASSWORD, SUPER_PASSWORD = "owner-in-tests", "login-in-tests", "super-in-tests"
CELLS = 4
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "400"}


@dataclass(frozen=True)
class Database:
    """Addresses of one database: for the superuser, the owner of schemas, and the login that owns nothing."""

    superuser_url: str
    owner_url: str
    login_url: str


def server_in(folder: Path) -> PostgresServer:
    """The run's PostgreSQL; start it in one process, use its addresses in all."""
    return PostgresServer(folder, superuser_password=SUPER_PASSWORD, extra_settings=_FAST)


def start_server(folder: Path) -> PostgresServer:
    """Start the run's PostgreSQL with the fixed roles."""
    folder.mkdir(parents=True, exist_ok=True)
    server = server_in(folder)
    server.start()
    prepare_cluster(server.superuser_url(), owner_password=OWNER_PASSWORD, login_password=LOGIN_PASSWORD, cells=CELLS)
    return server


def new_database(server: PostgresServer) -> Database:
    """A prepared database of its own, with the registry's tables."""
    database = empty_database(server)
    migrate_registry(database.owner_url)
    return database


def empty_database(server: PostgresServer) -> Database:
    """A prepared database of its own in which there is nothing yet."""
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server.superuser_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    prepare_database(server.superuser_url(name), cells=CELLS)
    login_url = server.url("trilend_app", LOGIN_PASSWORD, name, "postgresql+psycopg")
    return Database(server.superuser_url(name), server.url("trilend_owner", OWNER_PASSWORD, name), login_url)
