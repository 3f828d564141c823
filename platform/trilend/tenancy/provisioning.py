"""Makes a tenant's schema and role by replaying the blueprint of its kind in one transaction, all or nothing."""

from dataclasses import dataclass

import psycopg
from sqlalchemy import select

from trilend.db.base import now
from trilend.db.engine import Scope
from trilend.tenancy.blueprint import Blueprint, blueprint_of, reports_role
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.models import Tenant, TenantState
from trilend.tenancy.servers import cell_login, owner_connection


@dataclass(frozen=True)
class FirstAdministrator:
    """The person who signed the company up; the password comes as a hash only."""

    username: str
    name: str
    email: str
    password_hash: str


def provision(tenant_id: str, administrator: FirstAdministrator, blueprint: Blueprint | None = None) -> None:
    """Make the space of a registered tenant unless it claimed a warm one, add its administrator, open its door.

    A crash anywhere leaves a tenant that nobody can enter, and running it again finishes the work; for a tenant that
    is ready it does nothing. Concurrent calls for one tenant wait for each other on its registry row.
    """
    with RegistrySession() as registry:
        tenant = registry.scalar(select(Tenant).where(Tenant.id == tenant_id).with_for_update())
        if tenant is None or tenant.state != TenantState.PROVISIONING:
            return
        blueprint = blueprint or blueprint_of(tenant.kind)
        with owner_connection(tenant.shard) as owner, owner.transaction():
            if not tenant.revision:
                # What an attempt that was cut off has left may be of another release.
                drop_space(owner, tenant.schema)
                make_space(owner, tenant.schema, tenant.cell, blueprint)
            _hand_over(owner, tenant.schema, blueprint, administrator)
        tenant.revision = tenant.revision or targets()[tenant.kind]
        tenant.state, tenant.ready_at = TenantState.TRIAL, now()
        registry.commit()


def abandon(tenant_id: str) -> None:
    """Give up a tenant that was registered and never became ready: its space goes, its names are free again."""
    with RegistrySession() as registry:
        tenant = registry.scalar(select(Tenant).where(Tenant.id == tenant_id).with_for_update())
        if tenant is None or tenant.state != TenantState.PROVISIONING:
            return
        with owner_connection(tenant.shard) as owner, owner.transaction():
            drop_space(owner, tenant.schema)
        registry.delete(tenant)
        registry.commit()


def make_space(
    owner: psycopg.Connection[tuple[object, ...]],
    schema: str,
    cell: int,
    blueprint: Blueprint,
    *,
    with_rows: bool = True,
) -> None:
    """Make schema, role, rights and first rows in the owner's open transaction: two messages to the server."""
    scope = Scope(role=schema, schema=schema)
    owner.execute(_opening(scope, cell).encode())
    owner.execute(blueprint.for_role(scope.role, with_rows=with_rows).encode())


def drop_space(owner: psycopg.Connection[tuple[object, ...]], schema: str) -> None:
    """Remove a schema with all that is in it, and its roles; nothing happens if they are gone."""
    scope = Scope(role=schema, schema=schema)
    roles = f"{scope.role}, {reports_role(scope.role)}"
    owner.execute(f"DROP SCHEMA IF EXISTS {scope.schema} CASCADE; DROP ROLE IF EXISTS {roles}".encode())


def _opening(scope: Scope, cell: int) -> str:
    return (
        f"CREATE ROLE {scope.role} NOLOGIN; "
        f"GRANT {scope.role} TO {cell_login(cell)} WITH INHERIT FALSE, SET TRUE; "
        f"CREATE ROLE {reports_role(scope.role)} NOLOGIN; "
        f"GRANT {reports_role(scope.role)} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE; "
        f"CREATE SCHEMA {scope.schema}; "
        f"GRANT USAGE ON SCHEMA {scope.schema} TO {scope.role}; "
        f"SET LOCAL search_path TO {scope.schema}"
    )


def _hand_over(
    owner: psycopg.Connection[tuple[object, ...]], schema: str, blueprint: Blueprint, person: FirstAdministrator
) -> None:
    """Give a space to its company: the business begins today, and one person may do everything. Once only."""
    owner.execute(f"SET LOCAL search_path TO {schema}; {blueprint.opening}".encode())
    owner.execute(
        """
        WITH person AS (
            INSERT INTO ab_user (id, first_name, last_name, username, email, password, active, created_on, changed_on,
                                 login_count, fail_login_count)
            VALUES (nextval('ab_user_id_seq'), %s, '', %s, %s, %s, true, now(), now(), 0, 0)
            ON CONFLICT (username) DO NOTHING
            RETURNING id
        )
        INSERT INTO ab_user_role (id, user_id, role_id)
        SELECT nextval('ab_user_role_id_seq'), person.id, ab_role.id FROM person, ab_role WHERE ab_role.name = 'Admin'
        """,
        (person.name, person.username, person.email, person.password_hash),
    )
