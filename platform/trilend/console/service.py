"""Operators of the platform: who they are, and what they see of tenants."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash

from trilend.company.models import PaperIndex, PaperState
from trilend.company.papers import EXPIRING_DAYS, today_in_china
from trilend.tenancy.models import Door, Operator, Tenant, TenantState
from trilend.tenancy.plans.errors import InvalidFigure, InvalidSeconds
from trilend.tenancy.plans.models import Plan

PLAN_FIGURES = ("people", "calls_per_day", "calls_per_month")
_GIGABYTE = 2**30
# As long as the logins give background work.
_MOST_SECONDS = 300
_NOBODY = generate_password_hash("nobody has this password")


def add_operator(session: Session, *, username: str, name: str, password: str) -> Operator:
    """Add an operator, or set the password of one that is there."""
    operator = session.scalar(select(Operator).where(Operator.username == username)) or Operator(username=username)
    operator.name, operator.password_hash, operator.active = name, generate_password_hash(password), True
    session.add(operator)
    session.flush()
    return operator


def authenticate(session: Session, username: str, password: str) -> Operator | None:
    """The operator with this name and password; takes as long for an unknown name."""
    operator = session.scalar(select(Operator).where(Operator.username == username, Operator.active.is_(True)))
    matches = check_password_hash(operator.password_hash if operator else _NOBODY, password)
    return operator if matches else None


@dataclass(frozen=True)
class Wanted:
    """What an operator looks for in the list; empty means all. `attention` is one of `ATTENTIONS`."""

    search: str = ""
    state: str = ""
    kind: str = ""
    attention: str = ""


def _waits_for_papers() -> ColumnElement[bool]:
    waiting = select(PaperIndex.tenant_id).where(PaperIndex.state == PaperState.SUBMITTED)
    return Tenant.id.in_(waiting)


def _has_papers_running_out() -> ColumnElement[bool]:
    soon = today_in_china() + timedelta(days=EXPIRING_DAYS)
    running_out = select(PaperIndex.tenant_id).where(
        PaperIndex.valid_until <= soon, PaperIndex.state != PaperState.SUBMITTED
    )
    return Tenant.id.in_(running_out)


def _has_fault() -> ColumnElement[bool]:
    return Tenant.fault != ""


def _is_not_open() -> ColumnElement[bool]:
    return (Tenant.door != Door.OPEN) | (Tenant.state == TenantState.SUSPENDED)


ATTENTIONS: Mapping[str, Callable[[], ColumnElement[bool]]] = {
    "papers": _waits_for_papers,
    "expiring": _has_papers_running_out,
    "fault": _has_fault,
    "door": _is_not_open,
}


def list_tenants(session: Session, wanted: Wanted, *, offset: int, limit: int) -> tuple[Sequence[Tenant], int]:
    """A page of tenants, newest first, and how many match in all."""
    statement = select(Tenant)
    if wanted.search:
        text = wanted.search
        by_text = Tenant.name.contains(text, autoescape=True) | Tenant.slug.contains(text, autoescape=True)
        statement = statement.where(by_text | (Tenant.uscc == text.upper()) | (Tenant.host == text.lower()))
    if wanted.state:
        statement = statement.where(Tenant.state == wanted.state)
    if wanted.kind:
        statement = statement.where(Tenant.kind == wanted.kind)
    if wanted.attention in ATTENTIONS:
        statement = statement.where(ATTENTIONS[wanted.attention]())
    total = session.scalar(statement.with_only_columns(func.count(), maintain_column_froms=True)) or 0
    return session.scalars(statement.order_by(Tenant.created_at.desc()).offset(offset).limit(limit)).all(), total


def count_by_attention(session: Session) -> dict[str, int]:
    """How many tenants ask for each sort of attention: one query, by the indexes of states and papers."""
    columns = [
        select(func.count()).select_from(Tenant).where(matches()).scalar_subquery().label(name)
        for name, matches in ATTENTIONS.items()
    ]
    return {name: int(count) for name, count in session.execute(select(*columns)).one()._mapping.items()}


def papers_of(session: Session, tenant_id: str) -> Mapping[str, PaperIndex]:
    """How the papers of a tenant stand, by kind, from the registry alone."""
    rows = session.scalars(select(PaperIndex).where(PaperIndex.tenant_id == tenant_id))
    return {row.kind: row for row in rows}


def save_plan(session: Session, name: str, label: str, figures: Mapping[str, str]) -> Plan:
    """Change a plan, or add one; figures are whole numbers (`storage` gigabytes) or empty for no limit.

    Raises `InvalidFigure`, `InvalidSeconds`.
    """
    plan = session.get(Plan, name) or Plan(name=name)
    plan.label = label.strip() or name
    for field in PLAN_FIGURES:
        setattr(plan, field, _whole(field, figures.get(field, "")))
    storage = _whole("storage", figures.get("storage", ""))
    plan.statement_seconds = _seconds(figures.get("statement_seconds", ""))
    plan.storage_bytes = None if storage is None else storage * _GIGABYTE
    session.add(plan)
    session.flush()
    return plan


def _seconds(entered: str) -> int | None:
    seconds = _whole("statement_seconds", entered)
    if seconds is not None and not 1 <= seconds <= _MOST_SECONDS:
        raise InvalidSeconds(_MOST_SECONDS)
    return seconds


def _whole(field: str, entered: str) -> int | None:
    text = entered.replace(",", "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidFigure(field)
    return int(text)
