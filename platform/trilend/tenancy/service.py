"""Registers tenants and finds them by their address."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, delete, func, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, joinedload

from trilend.config import settings
from trilend.kinds import kinds
from trilend.tenancy.blueprint import blueprint_of
from trilend.tenancy.context import FIRST_KEY, BoundTenant, RegistrySession
from trilend.tenancy.domains.models import Domain, DomainState
from trilend.tenancy.door import LIFELESS
from trilend.tenancy.errors import CompanyTaken, SlugTaken, UnknownKind, UnknownTenant
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.models import DataKey, Spare, Tenant, TenantState
from trilend.tenancy.names import check_slug, look_of, normal_uscc
from trilend.tenancy.servers import cells

WITH_KEYS = joinedload(Tenant.data_keys)
"""Load tenants with their keys in one query; `BoundTenant.of` needs them."""

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
CACHE_SECONDS = 5.0
"""How long a process may go on with what it knows of a tenant: a new state or door acts after that."""
_MOST_REMEMBERED, _LONGEST_HOST = 20_000, 253
_cache: dict[str, "_Known"] = {}
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

    `wrapped_key` becomes its first data key. It gets a warm spare if there is one, else an empty place on the server
    for new tenants (or on `shard`). The unique constraints decide in a race; the caller's transaction stays usable
    after a refusal, and the spare is free again.
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
        data_keys=[DataKey(number=FIRST_KEY, wrapped=wrapped_key)],
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
    """Whether no living tenant has this credit code; copies of one for looking at do not count."""
    taken = (Tenant.uscc == normal_uscc(uscc), Tenant.copy_of.is_(None), Tenant.state != TenantState.CLOSED)
    return session.scalar(select(Tenant.id).where(*taken)) is None


def tenant_by_slug(slug: str) -> BoundTenant:
    """The living tenant at this subdomain, from memory for up to five seconds; raises `UnknownTenant`."""
    found = _remembered(slug) or _looked_up(slug, select(Tenant).where(Tenant.slug == slug), nobody_too=False)
    return _somebody(slug, found)


def tenant_by_host(host: str) -> BoundTenant:
    """The living tenant that has proved this domain, from memory for up to five seconds; raises `UnknownTenant`."""
    if not 0 < len(host) <= _LONGEST_HOST:
        raise UnknownTenant(host)
    found = _remembered(host)
    if found is None:
        proved = select(Domain.tenant_id).where(Domain.host == host, Domain.state == DomainState.VERIFIED)
        found = _looked_up(host, select(Tenant).where(Tenant.id == proved.scalar_subquery()), nobody_too=True)
    return _somebody(host, found)


@dataclass(frozen=True, slots=True)
class _Known:
    """Who has a name, or that nobody has it, and until when that may be believed (in seconds of the steady clock)."""

    until: float
    tenant: BoundTenant | None


def _remembered(name: str) -> _Known | None:
    held = _cache.get(name)
    return held if held is not None and held.until > time.monotonic() else None


def _looked_up(name: str, wanted: Select[Tenant], *, nobody_too: bool) -> _Known:
    """Ask the registry, and remember who it is, where `nobody_too` also that it is nobody.

    A foreign name then costs one query in five seconds. A subdomain that nobody has may have somebody in the next moment, who wants to be let in.
    """
    with RegistrySession() as session:
        tenant = session.scalars(wanted.options(WITH_KEYS)).unique().one_or_none()
        living = tenant is not None and tenant.state not in LIFELESS
        found = BoundTenant.of(tenant) if tenant is not None and living else None
    known = _Known(time.monotonic() + CACHE_SECONDS, found)
    if len(_cache) >= _MOST_REMEMBERED:
        _cache.clear()
    if found is not None or nobody_too:
        _cache[name] = known
    return known


def _somebody(name: str, known: _Known) -> BoundTenant:
    if known.tenant is None:
        raise UnknownTenant(name)
    return known.tenant


def tenant_by_id(tenant_id: str) -> BoundTenant:
    """The tenant with this id, whatever its state; raises `UnknownTenant`."""
    with RegistrySession() as session:
        tenant = session.get(Tenant, tenant_id, options=[WITH_KEYS])
        if tenant is None:
            raise UnknownTenant(tenant_id)
        return BoundTenant.of(tenant)


def open_tenants() -> Sequence[BoundTenant]:
    """All tenants in whose spaces work may go on, by slug; the jobs of the others wait until their door opens."""
    return [tenant for tenant in living_tenants() if tenant.admission.is_open]


def living_tenants() -> Sequence[BoundTenant]:
    """All tenants that have a space, whether one may enter it or not, by slug."""
    with RegistrySession() as session:
        living = select(Tenant).where(Tenant.state.not_in(LIFELESS)).order_by(Tenant.slug).options(WITH_KEYS)
        return [BoundTenant.of(tenant) for tenant in session.scalars(living).unique()]


def forget_tenants() -> None:
    """Let this process look every tenant up anew; other processes do so within `CACHE_SECONDS`."""
    _cache.clear()
