"""Prepares a database for Trilend: its fixed roles, the rights taken from PUBLIC, and the registry's tables."""

import psycopg
from psycopg import sql
from sqlalchemy import create_engine

from trilend.db.base import REGISTRY_SCHEMA, RegistryBase

OWNER, LOGIN, REGISTRY = "trilend_owner", "trilend_app", "trilend_registry"
_ADVISORY_LOCK = 7_415_923_001

# Functions by which a plain SELECT could change its own role or settings, or reach files and other servers.
_REVOKED = (
    "set_config(text, text, boolean)",
    "lo_import(text)",
    "lo_export(oid, text)",
    "pg_read_file(text)",
    "pg_ls_dir(text)",
)


def prepare_cluster(superuser_url: str, *, owner_password: str, login_password: str) -> None:
    """Create the fixed roles (idempotent). Needs a superuser; managed databases do the same by hand.

    The owner holds schemas and makes tenant roles; the login owns nothing, inherits nothing and may only SET ROLE.
    """
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        _ensure_role(connection, OWNER, "LOGIN CREATEROLE NOINHERIT", owner_password)
        _ensure_role(connection, LOGIN, "LOGIN NOINHERIT", login_password)
        _ensure_role(connection, REGISTRY, "NOLOGIN", None)
        connection.execute(f"GRANT {REGISTRY} TO {LOGIN} WITH INHERIT FALSE, SET TRUE")


def prepare_database(superuser_url: str) -> None:
    """Take from PUBLIC, in this database, what a tenant must not have (idempotent; needs a superuser)."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        database = sql.Identifier(connection.info.dbname)
        connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(LOGIN)))
        connection.execute(
            sql.SQL("GRANT CONNECT, CREATE ON DATABASE {} TO {}").format(database, sql.Identifier(OWNER))
        )
        for function in _REVOKED:
            connection.execute(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")


def migrate_registry(owner_url: str) -> None:
    """Bring the registry's tables to this release (idempotent; runs as the owner)."""
    engine = create_engine(owner_url)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK + 1})")
            connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {REGISTRY_SCHEMA}")
            RegistryBase.metadata.create_all(connection)
            connection.exec_driver_sql(f"GRANT USAGE ON SCHEMA {REGISTRY_SCHEMA} TO {REGISTRY}")
            names = ", ".join(table.fullname for table in RegistryBase.metadata.sorted_tables)
            connection.exec_driver_sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {names} TO {REGISTRY}")
    finally:
        engine.dispose()


def _ensure_role(
    connection: psycopg.Connection[tuple[object, ...]], name: str, options: str, password: str | None
) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)).fetchone()
    verb = "ALTER" if known else "CREATE"
    statement = sql.SQL("{} ROLE {} " + options).format(sql.SQL(verb), sql.Identifier(name))
    if password is not None:
        statement += sql.SQL(" PASSWORD {}").format(sql.Literal(password))
    connection.execute(statement)
