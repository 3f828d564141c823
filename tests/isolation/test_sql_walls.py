"""Invariant 1: no statement runs for a tenant outside its schema and role; with none bound, nothing can be read."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from trilend.db.engine import Scope, UnscopedTransaction
from trilend.tenancy.context import RegistrySession, TenantSession, bound, tenant_session
from trilend.tenancy.errors import NoTenantBound
from trilend.tenancy.servers import PRIMARY, cell_login, engine_of


@pytest.fixture
def victim(new_tenant: Callable[..., Any]) -> Any:
    return new_tenant(name="受害者小额贷款有限公司")


@pytest.mark.parametrize(
    "attack",
    [
        "SELECT * FROM {victim}.ab_user",
        "SELECT * FROM trilend.tenant",
        "UPDATE {victim}.ab_user SET username = 'mine'",
        "DELETE FROM {victim}.ab_user",
        "INSERT INTO {victim}.ab_role (id, name) VALUES (999, 'x')",
        "CREATE TABLE {victim}.mine (id int)",
        "CREATE TABLE mine (id int)",
        "CREATE TEMP TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION evil() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        "ALTER TABLE ab_user DISABLE TRIGGER ALL",
        "DROP TABLE ab_user",
        "TRUNCATE audit_entry",
        "SELECT set_config('role', '{victim}', false)",
        "SELECT set_config('search_path', '{victim}', false)",
        "SELECT pg_read_file('/etc/passwd')",
        "SELECT lo_import('/etc/passwd')",
        "COPY ab_user TO '/tmp/stolen'",
        "COPY ab_user FROM PROGRAM 'id'",
        "SELECT 1; SELECT * FROM {victim}.ab_user",
        "SELECT 1; SET ROLE {victim}",
        "RESET ROLE; SELECT * FROM {victim}.ab_user",
        "GRANT {victim} TO {own}",
        "SELECT rolpassword FROM pg_authid",
    ],
)
def test_injected_sql_reads_and_changes_nothing_of_another_tenant(
    session: Session, tenant: Any, victim: Any, attack: str
) -> None:
    with pytest.raises(DBAPIError):
        session.execute(text(attack.format(victim=victim.schema, own=tenant.schema).replace(":", r"\:"))).all()
    session.rollback()
    with bound(victim):
        assert tenant_session.execute(text("SELECT username FROM ab_user")).all() == [("admin",)]


def test_a_transaction_has_its_own_role_and_path_from_its_first_message(session: Session, tenant: Any) -> None:
    role, path = session.execute(text("SELECT current_user, current_setting('search_path')")).one()
    assert (role, path) == (tenant.schema, tenant.schema)


def test_role_and_path_do_not_outlive_the_transaction(session: Session, tenant: Any) -> None:
    session.execute(text("SELECT 1"))
    session.commit()
    engine = engine_of(tenant.shard, tenant.cell)
    with engine.connect() as raw, pytest.raises(UnscopedTransaction):
        raw.execute(text("SELECT 1"))
    with engine.raw_connection() as driver:
        role, path = driver.execute("SELECT current_user, current_setting('search_path')").fetchone()
        assert role == cell_login(tenant.cell)
        assert tenant.schema not in path


def test_without_a_tenant_no_session_opens(installation: Any) -> None:
    with pytest.raises(NoTenantBound):
        TenantSession()
    with pytest.raises(NoTenantBound):
        tenant_session()


def test_the_login_itself_can_read_nothing(tenant: Any) -> None:
    for engine in (engine_of(PRIMARY, None), engine_of(tenant.shard, tenant.cell)):
        driver = engine.raw_connection()
        for table in (f"{tenant.schema}.ab_user", "trilend.tenant"):
            with pytest.raises(Exception, match="permission denied"):
                driver.execute(f"SELECT * FROM {table}")


def test_the_registry_role_cannot_read_a_tenant(tenant: Any) -> None:
    with RegistrySession() as registry, pytest.raises(DBAPIError, match="permission denied"):
        registry.execute(text(f"SELECT * FROM {tenant.schema}.ab_user"))


def test_a_session_begun_for_one_tenant_is_not_the_session_of_the_next(tenant: Any, victim: Any) -> None:
    with bound(tenant):
        first = tenant_session()
        with bound(victim):
            assert tenant_session() is not first
            assert tenant_session.execute(text("SELECT current_user")).scalar_one() == victim.schema
        assert tenant_session() is first
        assert first.execute(text("SELECT current_user")).scalar_one() == tenant.schema


def test_a_scope_takes_plain_identifiers_only() -> None:
    with pytest.raises(ValueError, match="not a plain identifier"):
        Scope(role="t_x; SELECT 1", schema="t_x")
