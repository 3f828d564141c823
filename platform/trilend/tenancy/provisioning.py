"""Makes a tenant's schema and role by replaying the blueprint of its kind in one transaction, all or nothing."""

from dataclasses import dataclass

import psycopg

from trilend.config import settings
from trilend.db.base import REGISTRY_SCHEMA
from trilend.db.engine import Scope
from trilend.tenancy.blueprint import Blueprint
from trilend.tenancy.bootstrap import LOGIN
from trilend.tenancy.models import TenantState


@dataclass(frozen=True)
class FirstAdministrator:
    """The person who signed the company up; the password comes as a hash only."""

    username: str
    name: str
    email: str
    password_hash: str


def provision(tenant_id: str, blueprint: Blueprint, administrator: FirstAdministrator) -> None:
    """Make schema, role, rights, first rows and administrator of a registered tenant, and open its door.

    One transaction on the owner's connection: a crash leaves nothing, and running it again for a tenant that is
    ready does nothing. Concurrent calls for one tenant wait for each other on its registry row.
    """
    schema = f"t_{tenant_id}"
    scope = Scope(role=schema, schema=schema)
    with psycopg.connect(_owner_url()) as connection, connection.transaction():
        row = connection.execute(
            f"SELECT state FROM {REGISTRY_SCHEMA}.tenant WHERE id = %s FOR UPDATE", (tenant_id,)
        ).fetchone()
        if row is None or row[0] != TenantState.PROVISIONING:
            return
        connection.execute(_opening(scope).encode())
        connection.execute(blueprint.for_role(scope.role).encode())
        _add_administrator(connection, administrator)
        connection.execute(
            f"UPDATE {REGISTRY_SCHEMA}.tenant SET state = %s, revision = %s, ready_at = now() WHERE id = %s",
            (TenantState.TRIAL, blueprint.revision, tenant_id),
        )


def _owner_url() -> str:
    url = settings().owner_database_url
    if url is None:
        raise RuntimeError("this process has no owner database URL: only workers and migrations provision tenants")
    return url.get_secret_value().replace("postgresql+psycopg://", "postgresql://")


def _opening(scope: Scope) -> str:
    return (
        f"CREATE ROLE {scope.role} NOLOGIN; "
        f"GRANT {scope.role} TO {LOGIN} WITH INHERIT FALSE, SET TRUE; "
        f"CREATE SCHEMA {scope.schema}; "
        f"GRANT USAGE ON SCHEMA {scope.schema} TO {scope.role}; "
        f"SET LOCAL search_path TO {scope.schema}"
    )


def _add_administrator(connection: psycopg.Connection[tuple[object, ...]], person: FirstAdministrator) -> None:
    connection.execute(
        """
        WITH person AS (
            INSERT INTO ab_user (id, first_name, last_name, username, email, password, active, created_on, changed_on,
                                 login_count, fail_login_count)
            VALUES (nextval('ab_user_id_seq'), %s, '', %s, %s, %s, true, now(), now(), 0, 0) RETURNING id
        )
        INSERT INTO ab_user_role (id, user_id, role_id)
        SELECT nextval('ab_user_role_id_seq'), person.id, ab_role.id FROM person, ab_role WHERE ab_role.name = 'Admin'
        """,
        (person.name, person.username, person.email, person.password_hash),
    )
