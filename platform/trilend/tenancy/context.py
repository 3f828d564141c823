"""Binds the running work to one tenant, and opens database sessions that can reach nothing but it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from trilend.config import settings
from trilend.db.base import REGISTRY_SCHEMA
from trilend.db.engine import READ_ONLY_TRANSACTION, Scope, in_scope
from trilend.db.shares import held_by
from trilend.tenancy.door import OPEN, Admission, Reason, admission_of
from trilend.tenancy.errors import NotAdmitted, NoTenantBound, not_admitted
from trilend.tenancy.models import Door, Tenant
from trilend.tenancy.servers import PRIMARY, engine_of

FIRST_KEY = 1
# Insufficient privilege, undefined table: where a space is being copied, or has been moved away.
_RIGHTS_GONE = ("42501", "42P01")
REGISTRY_SCOPE = Scope(role="trilend_registry", schema=REGISTRY_SCHEMA)


@dataclass(frozen=True)
class BoundTenant:
    """What the rest of the platform may know of the tenant it works for.

    `wrapped_keys` are its data keys by number, as the master key wrapped them; new values are sealed with `active_key`.
    """

    id: str
    slug: str
    kind: str
    name: str
    uscc: str
    state: str
    schema: str
    wrapped_keys: Mapping[int, bytes] = field(repr=False, compare=False)
    active_key: int = FIRST_KEY
    revision: str = ""
    shard: str = PRIMARY
    cell: int = 0
    door: Door = Door.OPEN
    door_reason: str = ""
    plan: str = "trial"
    host: str = ""
    admission: Admission = OPEN

    @property
    def url(self) -> str:
        """Address of its pages for links: at the domain it chose, else at its subdomain; without a trailing slash."""
        return settings().url_at(self.host) if self.host else settings().url_of(self.slug)

    @classmethod
    def of(cls, tenant: Tenant) -> "BoundTenant":
        """A frozen copy of a registry row and its keys."""
        keys = {key.number: key.wrapped for key in tenant.data_keys}
        if not keys and tenant.wrapped_key is not None:
            # Signed up by a process of the release before the keys had numbers, while this one was rolled out.
            keys = {FIRST_KEY: tenant.wrapped_key}
        in_use = [key.number for key in tenant.data_keys if key.retired_at is None and key.number >= FIRST_KEY]
        return cls(
            id=tenant.id,
            slug=tenant.slug,
            kind=tenant.kind,
            name=tenant.name,
            uscc=tenant.uscc,
            state=tenant.state,
            schema=tenant.schema,
            wrapped_keys=keys,
            active_key=max(in_use, default=FIRST_KEY),
            revision=tenant.revision,
            shard=tenant.shard,
            cell=tenant.cell,
            door=Door(tenant.door),
            door_reason=tenant.door_reason,
            plan=tenant.plan,
            host=tenant.host,
            admission=admission_of(tenant),
        )


@dataclass(eq=False)
class _Binding:
    """One stretch of work for one tenant; its identity keeps the sessions of two stretches apart."""

    tenant: BoundTenant
    statement_seconds: int | None = None
    refused: NotAdmitted | None = None


_binding: ContextVar[_Binding | None] = ContextVar("trilend_tenant", default=None)
_keeping_books: ContextVar[bool] = ContextVar("trilend_bookkeeping", default=False)


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


def refused_write() -> NotAdmitted | None:
    """The last write that this work was refused because the tenant may only be read, whoever caught the error."""
    binding = _binding.get()
    return binding.refused if binding else None


def tenant_or_none() -> BoundTenant | None:
    """The bound tenant, or None outside of any."""
    binding = _binding.get()
    return binding.tenant if binding else None


@contextmanager
def bookkeeping() -> Iterator[None]:
    """Let the work inside write although the tenant may only be read: what is about the tenant, not its business.

    For tokens of programs, lines of the audit log and the like. The session's open transaction is rolled back before
    and after, so commit inside. Where the space is being copied or is not sound, writing stays refused.
    """
    tenant_session.rollback()
    token = _keeping_books.set(True)
    try:
        yield
    finally:
        tenant_session.rollback()
        _keeping_books.reset(token)


def _tenant_scope() -> Scope:
    binding = _bound()
    admission, schema = binding.tenant.admission, binding.tenant.schema
    may_write = admission.is_open or (_keeping_books.get() and admission.allows_bookkeeping)
    return Scope(schema, schema, statement_seconds=binding.statement_seconds, read_only=not may_write)


def report_engine(statement_seconds: int) -> Engine:
    """The bound tenant's engine with transactions that only read, and end soon: for SQL that the tenant wrote itself."""
    tenant = current_tenant()
    scope = Scope(role=tenant.schema, schema=tenant.schema, statement_seconds=statement_seconds, read_only=True)
    return in_scope(engine_of(tenant.shard, tenant.cell), lambda: scope)


def _session_key() -> int:
    return id(_bound())


@cache
def _engine_for(shard: str, cell: int) -> Engine:
    engine = engine_of(shard, cell)
    event.listen(engine, "handle_error", _explain_refused_write)
    return in_scope(engine, _tenant_scope)


def _explain_refused_write(context: ExceptionContext) -> None:
    """What the database refused because the tenant may only be read gets the sentence that says why."""
    binding = _binding.get()
    state = getattr(context.original_exception, "sqlstate", None)
    admission = OPEN
    if binding is not None and state == READ_ONLY_TRANSACTION:
        admission = binding.tenant.admission
    elif binding is not None and state in _RIGHTS_GONE:
        admission = _admission_now(binding.tenant)
    if binding is not None and not admission.is_open:
        binding.refused = not_admitted(admission)
        raise binding.refused from context.original_exception


def _admission_now(tenant: BoundTenant) -> Admission:
    """What the registry says by now of a tenant whose rights or tables are gone: it may have been moved meanwhile."""
    with RegistrySession() as registry:
        found = registry.get(Tenant, tenant.id)
        if found is not None and found.shard != tenant.shard:
            return Admission(Door.READ_ONLY, Reason.MOVING)
        return admission_of(found) if found is not None else OPEN


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
