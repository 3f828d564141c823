"""Binds the running work to one tenant, and opens database sessions that can reach nothing but it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Engine
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from trilend.config import settings
from trilend.db.base import REGISTRY_SCHEMA
from trilend.db.engine import Scope, in_scope
from trilend.db.shares import held_by
from trilend.tenancy.errors import NoTenantBound
from trilend.tenancy.models import Door, Tenant
from trilend.tenancy.servers import PRIMARY, engine_of

REGISTRY_SCOPE = Scope(role="trilend_registry", schema=REGISTRY_SCHEMA)


@dataclass(frozen=True)
class BoundTenant:
    """What the rest of the platform may know of the tenant it works for."""

    id: str
    slug: str
    kind: str
    name: str
    uscc: str
    state: str
    schema: str
    wrapped_key: bytes
    revision: str = ""
    shard: str = PRIMARY
    cell: int = 0
    door: Door = Door.OPEN
    door_reason: str = ""

    @classmethod
    def of(cls, tenant: Tenant) -> "BoundTenant":
        """A frozen copy of a registry row."""
        return cls(
            id=tenant.id,
            slug=tenant.slug,
            kind=tenant.kind,
            name=tenant.name,
            uscc=tenant.uscc,
            state=tenant.state,
            schema=tenant.schema,
            wrapped_key=tenant.wrapped_key,
            revision=tenant.revision,
            shard=tenant.shard,
            cell=tenant.cell,
            door=Door(tenant.door),
            door_reason=tenant.door_reason,
        )


@dataclass(frozen=True, eq=False)
class _Binding:
    """One stretch of work for one tenant; its identity keeps the sessions of two stretches apart."""

    tenant: BoundTenant
    statement_seconds: int | None = None


_binding: ContextVar[_Binding | None] = ContextVar("trilend_tenant", default=None)


@contextmanager
def bound(tenant: BoundTenant) -> Iterator[BoundTenant]:
    """Bind the work inside to `tenant`; its session is closed (and rolled back unless committed) at the end."""
    with _bound_as(_Binding(tenant)):
        yield tenant


@contextmanager
def bound_request(tenant: BoundTenant, statement_seconds: int | None = None) -> Iterator[BoundTenant]:
    """Bind a request, for which somebody waits: its statements end soon, and it counts against the tenant's share."""
    limit = statement_seconds or settings().request_statement_seconds
    with held_by(tenant.schema), _bound_as(_Binding(tenant, limit)):
        yield tenant


@contextmanager
def _bound_as(binding: _Binding) -> Iterator[None]:
    token = _binding.set(binding)
    try:
        yield
    finally:
        tenant_session.remove()
        _binding.reset(token)


def current_tenant() -> BoundTenant:
    """The tenant this work is bound to; raises `NoTenantBound`."""
    return _bound().tenant


def _bound() -> _Binding:
    binding = _binding.get()
    if binding is None:
        raise NoTenantBound("no tenant is bound: wrap the work in tenancy.context.bound()")
    return binding


def tenant_or_none() -> BoundTenant | None:
    """The bound tenant, or None outside of any."""
    binding = _binding.get()
    return binding.tenant if binding else None


def _tenant_scope() -> Scope:
    schema = current_tenant().schema
    return Scope(role=schema, schema=schema, statement_seconds=_bound().statement_seconds)


def report_engine(statement_seconds: int) -> Engine:
    """The bound tenant's engine with transactions that only read, and end soon: for SQL that the tenant wrote itself."""
    tenant = current_tenant()
    scope = Scope(role=tenant.schema, schema=tenant.schema, statement_seconds=statement_seconds, read_only=True)
    return in_scope(engine_of(tenant.shard, tenant.cell), lambda: scope)


def _session_key() -> int:
    return id(_bound())


@cache
def _engine_for(shard: str, cell: int) -> Engine:
    return in_scope(engine_of(shard, cell), _tenant_scope)


@cache
def _registry_engine() -> Engine:
    return in_scope(engine_of(PRIMARY, None), lambda: REGISTRY_SCOPE)


class TenantSession(Session):
    """A session on the bound tenant's schema; refuses to be made without a bound tenant."""

    def __init__(self, **options: Any) -> None:
        tenant = current_tenant()
        super().__init__(**(options | {"bind": _engine_for(tenant.shard, tenant.cell)}))


class RegistrySession(Session):
    """A session on the registry: platform code only, and greppable by this name."""

    def __init__(self) -> None:
        super().__init__(bind=_registry_engine())


tenant_session: scoped_session[TenantSession] = scoped_session(
    sessionmaker(class_=TenantSession), scopefunc=_session_key
)
"""The session of the running work; FAB is handed this very object."""
