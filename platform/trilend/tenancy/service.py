"""Registers tenants and finds them by their address."""

import re
import secrets
import time
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from stdnum.cn import uscc as uscc_numbers
from stdnum.exceptions import ValidationError

from trilend.kinds import kinds
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.errors import CompanyTaken, InvalidSlug, SlugTaken, UnknownKind, UnknownTenant
from trilend.tenancy.models import Tenant, TenantState

_SLUG = re.compile(r"[a-z](?:[a-z0-9]|-(?=[a-z0-9])){2,29}")
_RESERVED = frozenset(
    [
        "admin",
        "api",
        "app",
        "auth",
        "billing",
        "blog",
        "cdn",
        "console",
        "dashboard",
        "demo-console",
        "dev",
        "developer",
        "developers",
        "docs",
        "download",
        "ftp",
        "help",
        "imap",
        "login",
        "mail",
        "market",
        "marketplace",
        "news",
        "ns1",
        "ns2",
        "oauth",
        "ops",
        "outbox",
        "partner",
        "pop",
        "root",
        "security",
        "shop",
        "sign",
        "signup",
        "smtp",
        "static",
        "status",
        "support",
        "test",
        "tls",
        "trilend",
        "webmail",
        "www",
    ]
)
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_CACHE_SECONDS = 5.0
_cache: dict[str, tuple[float, BoundTenant]] = {}


def check_slug(slug: str) -> str:
    """The subdomain in its one form; raises `InvalidSlug`."""
    slug = slug.strip().lower()
    if not _SLUG.fullmatch(slug) or slug in _RESERVED:
        raise InvalidSlug(slug)
    return slug


def is_uscc(number: str) -> bool:
    """Whether a unified social credit code (统一社会信用代码, GB 32100) has the right form and check digit."""
    try:
        uscc_numbers.validate(number)
    except ValidationError:
        return False
    return True


def register_tenant(session: Session, *, slug: str, kind: str, name: str, uscc: str, wrapped_key: bytes) -> Tenant:
    """Reserve a tenant's names in the registry; raises `SlugTaken`, `CompanyTaken`, `InvalidSlug`, `UnknownKind`.

    The unique constraints decide in a race; the caller's transaction stays usable after a refusal.
    """
    if kind not in kinds():
        raise UnknownKind(kind)
    tenant = Tenant(
        id="".join(secrets.choice(_ALPHABET) for _ in range(10)),
        slug=check_slug(slug),
        kind=kind,
        name=name.strip(),
        uscc=uscc.strip().upper(),
        state=TenantState.PROVISIONING,
        wrapped_key=wrapped_key,
    )
    try:
        with session.begin_nested():
            session.add(tenant)
    except IntegrityError as error:
        raise (CompanyTaken(tenant.uscc) if "uscc" in str(error.orig) else SlugTaken(tenant.slug)) from error
    return tenant


def is_slug_free(session: Session, slug: str) -> bool:
    """Whether no tenant uses the subdomain."""
    return session.scalar(select(Tenant.id).where(Tenant.slug == slug)) is None


def is_company_free(session: Session, uscc: str) -> bool:
    """Whether no tenant has this credit code."""
    return session.scalar(select(Tenant.id).where(Tenant.uscc == uscc)) is None


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
