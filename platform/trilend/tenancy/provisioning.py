"""Makes a tenant's schema and role by replaying the blueprint of its kind in one transaction, all or nothing."""

from dataclasses import dataclass

import psycopg
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.db.base import now
from trilend.db.engine import Scope
from trilend.kinds import kinds
from trilend.tenancy.blueprint import Blueprint, blueprint_of, reports_role
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.models import Spare, Tenant, TenantState
from trilend.tenancy.servers import cell_login, owner_connection
from trilend.tenancy.service import emptiest_cell, new_id, new_shard


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
            if not tenant.revision and not _exists(owner, tenant.schema):
                make_space(owner, tenant.schema, tenant.cell, blueprint)
            _hand_over(owner, tenant.schema, blueprint, administrator)
        tenant.revision = tenant.revision or targets()[tenant.kind]
        tenant.state, tenant.ready_at = TenantState.TRIAL, now()
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


def refill_spares() -> int:
    """Make the spares that are missing, each in a transaction of its own; returns how many were made."""
    return sum(_refill(kind) for kind in kinds())


def spares_ready(session: Session) -> dict[str, int]:
    """How many spares of this release can be claimed, by kind."""
    ready = select(Spare.kind, Spare.revision, func.count()).where(Spare.fault == "", Spare.shard == new_shard())
    current = targets()
    found = dict.fromkeys(current, 0)
    for kind, revision, count in session.execute(ready.group_by(Spare.kind, Spare.revision)):
        if current.get(kind) == revision:
            found[kind] = count
    return found


def _refill(kind: str) -> int:
    made = 0
    while _one_more(kind):
        made += 1
    return made


def _one_more(kind: str) -> bool:
    """Make one spare if one is missing: the schema first, so that the registry never names one that is not there."""
    with RegistrySession() as registry:
        if spares_ready(registry)[kind] >= settings().spares_per_kind:
            return False
        shard = new_shard()
        spare = Spare(
            id=new_id(), kind=kind, revision=targets()[kind], shard=shard, cell=emptiest_cell(registry, shard)
        )
        with owner_connection(shard) as owner, owner.transaction():
            make_space(owner, f"t_{spare.id}", spare.cell, blueprint_of(kind))
        registry.add(spare)
        registry.commit()
    return True


def _exists(owner: psycopg.Connection[tuple[object, ...]], schema: str) -> bool:
    return owner.execute("SELECT to_regnamespace(%s) IS NOT NULL", (schema,)).fetchone() == (True,)


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
