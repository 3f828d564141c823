"""Registers tenants and finds them by their address."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import ColumnElement, and_, delete, func, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.kinds import kinds
from trilend.tenancy.blueprint import blueprint_of
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.errors import CompanyTaken, SlugTaken, UnknownKind, UnknownTenant
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.models import Spare, Tenant, TenantState
from trilend.tenancy.names import check_slug, look_of, normal_uscc
from trilend.tenancy.servers import cells

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_CACHE_SECONDS = 5.0
_cache: dict[str, tuple[float, BoundTenant]] = {}
# Which name a unique constraint of the registry keeps to one company.
_TAKEN: Mapping[str | None, Callable[[Tenant], SlugTaken | CompanyTaken]] = {
    "tenant_slug_key": lambda tenant: SlugTaken(tenant.slug),
    "tenant_look_key": lambda tenant: SlugTaken(tenant.slug),
    "tenant_uscc_key": lambda tenant: CompanyTaken(tenant.uscc),
}


def register_tenant(
    session: Session, *, slug: str, kind: str, name: str, uscc: str, wrapped_key: bytes, shard: str = ""
) -> Tenant:
    """Reserve a tenant's names in the registry; raises `SlugTaken`, `CompanyTaken`, `InvalidSlug`, `UnknownKind`.

    It gets a warm spare if there is one, else an empty place on the server for new tenants (or on `shard`). The unique
    constraints decide in a race; the caller's transaction stays usable after a refusal, and the spare is free again.
    """
    if kind not in kinds():
        raise UnknownKind(kind)
    checked = check_slug(slug)
    tenant = Tenant(
        slug=checked,
        look=look_of(checked),
        kind=kind,
        name=name.strip(),
        uscc=normal_uscc(uscc),
        state=TenantState.PROVISIONING,
        wrapped_key=wrapped_key,
    )
    try:
        with session.begin_nested():
            tenant.id, tenant.shard, tenant.cell, tenant.revision = _place(session, kind, shard or new_shard())
            session.add(tenant)
    except IntegrityError as error:
        broken = getattr(getattr(error.orig, "diag", None), "constraint_name", "")
        if broken not in _TAKEN:
            raise
        raise _TAKEN[broken](tenant) from error
    return tenant


def new_id() -> str:
    """An opaque name for a schema and its role."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def new_shard() -> str:
    """The server on which new tenants are made."""
    return settings().shard_for_new_tenants


def emptiest_cell(session: Session, shard: str) -> int:
    """The cell of a server with the fewest schemas."""
    placed = union_all(
        select(Tenant.cell).where(Tenant.shard == shard, Tenant.state != TenantState.CLOSED),
        select(Spare.cell).where(Spare.shard == shard),
    ).subquery()
    rows = session.execute(select(placed.c.cell, func.count()).group_by(placed.c.cell))
    counts: dict[int, int] = {row[0]: row[1] for row in rows}
    return min(cells(), key=lambda cell: counts.get(cell, 0))


def is_claimable(kind: str, shard: str) -> ColumnElement[bool]:
    """The spares of a server that are what this release would make anew."""
    return and_(
        Spare.kind == kind,
        Spare.revision == targets()[kind],
        Spare.blueprint == blueprint_of(kind).digest,
        Spare.shard == shard,
        Spare.fault == "",
    )


def _place(session: Session, kind: str, shard: str) -> tuple[str, str, int, str]:
    """Id, server, cell and revision of a claimed spare, or of a place where there is nothing yet."""
    free = (
        select(Spare.id).where(is_claimable(kind, shard)).limit(1).with_for_update(skip_locked=True).scalar_subquery()
    )
    claimed = session.execute(
        delete(Spare).where(Spare.id == free).returning(Spare.id, Spare.shard, Spare.cell, Spare.revision),
        execution_options={"synchronize_session": False},
    ).one_or_none()
    if claimed is not None:
        return claimed.id, claimed.shard, claimed.cell, claimed.revision
    return new_id(), shard, emptiest_cell(session, shard), ""


def is_slug_free(session: Session, slug: str) -> bool:
    """Whether no tenant uses the subdomain, or one that looks like it."""
    return session.scalar(select(Tenant.id).where(Tenant.look == look_of(slug))) is None


def is_company_free(session: Session, uscc: str) -> bool:
    """Whether no tenant has this credit code."""
    return session.scalar(select(Tenant.id).where(Tenant.uscc == normal_uscc(uscc))) is None


def tenant_by_slug(slug: str) -> BoundTenant:
    """The open tenant at this subdomain, from memory for up to five seconds; raises `UnknownTenant`."""
    now = time.monotonic()
    held = _cache.get(slug)
    if held and held[0] > now:
        return held[1]
    with RegistrySession() as session:
        tenant = session.scalar(select(Tenant).where(Tenant.slug == slug))
        if tenant is None or tenant.state in (TenantState.PROVISIONING, TenantState.CLOSED):
            raise UnknownTenant(slug)
        found = BoundTenant.of(tenant)
    _cache[slug] = (now + _CACHE_SECONDS, found)
    return found


def tenant_by_id(tenant_id: str) -> BoundTenant:
    """The tenant with this id, whatever its state; raises `UnknownTenant`."""
    with RegistrySession() as session:
        tenant = session.get(Tenant, tenant_id)
        if tenant is None:
            raise UnknownTenant(tenant_id)
        return BoundTenant.of(tenant)


def open_tenants() -> Sequence[BoundTenant]:
    """All tenants whose schema is ready for work, by slug."""
    closed = (TenantState.PROVISIONING, TenantState.CLOSED)
    with RegistrySession() as session:
        found = session.scalars(select(Tenant).where(Tenant.state.not_in(closed)).order_by(Tenant.slug))
        return [BoundTenant.of(tenant) for tenant in found]
