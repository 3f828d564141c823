"""Reads and sets dated figures and the business date."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import ScalarSelect, or_, select
from sqlalchemy.orm import Session

from trilend.audit.changes import changed, snapshot
from trilend.audit.service import Actor, record
from trilend.errors import Refused
from trilend.parameters.errors import ParameterMissing
from trilend.parameters.models import BusinessDay, Parameter


@dataclass(frozen=True)
class Figure:
    """A parameter's value on a date, with its basis."""

    name: str
    value: Decimal
    basis: str


def figures(session: Session, on: date) -> Mapping[str, Figure]:
    """All figures in force on a date, by name."""
    rows = session.scalars(
        select(Parameter)
        .where(Parameter.effective_from <= on, or_(Parameter.effective_to.is_(None), Parameter.effective_to >= on))
        .order_by(Parameter.name, Parameter.effective_from)
    )
    return {row.name: Figure(row.name, row.value, row.legal_basis) for row in rows}


def figure(session: Session, name: str, on: date) -> Figure:
    """One figure on a date; raises `ParameterMissing`."""
    found = figures(session, on).get(name)
    if found is None:
        raise ParameterMissing(name, on)
    return found


def all_parameters(session: Session) -> Sequence[Parameter]:
    """Every stretch of every parameter, by name and date."""
    return session.scalars(select(Parameter).order_by(Parameter.name, Parameter.effective_from)).all()


def set_parameter(
    session: Session, actor: Actor, *, name: str, value: Decimal, unit: str, effective_from: date, legal_basis: str = ""
) -> Parameter:
    """Set a figure from a date on; an entry for the same date is replaced, the change is logged."""
    row = session.scalar(select(Parameter).where(Parameter.name == name, Parameter.effective_from == effective_from))
    before = snapshot(row) if row else None
    if row is None:
        row = Parameter(name=name, effective_from=effective_from)
        session.add(row)
    row.value, row.unit = value, unit
    row.legal_basis = legal_basis or row.legal_basis or ""
    session.flush()
    record(session, actor, "parameter.set", "parameter", row.id, changes=changed(before, snapshot(row)), name=name)
    return row


def business_date(session: Session) -> date:
    """The tenant's business date."""
    return session.scalars(select(BusinessDay.business_date)).one()


def business_date_and(session: Session, other: ScalarSelect[int]) -> tuple[date, int]:
    """The business date, and a number that is asked for in the same query."""
    day, number = session.execute(select(BusinessDay.business_date, other)).one()
    return day, number


def lock_business_day(session: Session) -> BusinessDay:
    """The business day's row, locked until the end of the transaction: one end of day at a time."""
    return session.scalars(select(BusinessDay).with_for_update()).one()


def start_business_on(session: Session, day: date) -> None:
    """Choose the first business date of a tenant; refused once an end of day has run."""
    row = lock_business_day(session)
    if row.closed_days:
        raise Refused(_l("Days have been closed already: the business date now moves by the end of day only."))
    row.business_date = day
