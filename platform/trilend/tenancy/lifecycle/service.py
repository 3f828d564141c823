"""Moves a tenant from one state to another and writes the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.tenancy.errors import UnknownTenant
from trilend.tenancy.lifecycle.errors import MoveNotAllowed, ReasonNeeded
from trilend.tenancy.lifecycle.models import TenantEvent
from trilend.tenancy.lifecycle.moves import Move
from trilend.tenancy.models import Operator, Tenant, TenantState


@dataclass(frozen=True)
class By:
    """Who acts on a tenant from outside: an operator, or the platform itself."""

    name: str
    operator_id: int | None = None

    @classmethod
    def operator(cls, operator: Operator) -> "By":
        """A person of the console."""
        return cls(operator.name, operator.id)


PLATFORM = By("")


def make_move(session: Session, tenant_id: str, move: Move, by: By, *, reason: str = "") -> Tenant:
    """Move a tenant, and log it in the same transaction; of two at the same time the second finds the new state.

    Raises `UnknownTenant`, `ReasonNeeded`, `MoveNotAllowed`. Web processes act on it within
    `tenancy.service.CACHE_SECONDS`. What a move asks for beyond state and reason is its caller's to check.
    """
    reason = " ".join(reason.split())
    if move.needs_reason and not reason:
        raise ReasonNeeded
    tenant = locked_tenant(session, tenant_id)
    if not move.fits(tenant):
        raise MoveNotAllowed(tenant.state)
    before = tenant.state
    tenant.state = move.target or _before_suspension(tenant)
    tenant.suspension = move.suspension
    if move.target == TenantState.VERIFIED:
        tenant.verified_at = now()
    elif move.target == TenantState.TRIAL:
        tenant.verified_at = None
    log_event(session, tenant_id, move.name, by, reason=reason, before=str(before), after=str(tenant.state))
    return tenant


def locked_tenant(session: Session, tenant_id: str) -> Tenant:
    """The registry's row, locked until the transaction ends; raises `UnknownTenant`."""
    tenant = session.scalar(
        select(Tenant).where(Tenant.id == tenant_id).with_for_update().execution_options(populate_existing=True)
    )
    if tenant is None:
        raise UnknownTenant(tenant_id)
    return tenant


def log_event(session: Session, tenant_id: str, act: str, by: By, *, reason: str = "", **details: Any) -> None:
    """Add a line to a tenant's log in the caller's transaction."""
    session.add(
        TenantEvent(
            tenant_id=tenant_id,
            act=act,
            operator_id=by.operator_id,
            operator=by.name,
            reason=reason[:500],
            details=details,
        )
    )
    session.flush()


def events_of(session: Session, tenant_id: str, *, limit: int = 50) -> Sequence[TenantEvent]:
    """A tenant's log, newest first."""
    return session.scalars(
        select(TenantEvent).where(TenantEvent.tenant_id == tenant_id).order_by(TenantEvent.id.desc()).limit(limit)
    ).all()


def _before_suspension(tenant: Tenant) -> TenantState:
    return TenantState.VERIFIED if tenant.verified_at else TenantState.TRIAL
