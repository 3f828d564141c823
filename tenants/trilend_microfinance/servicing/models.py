"""Loans with what is known of them today, and the events from which that follows."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import BigKey, Created, Rate, TenantBase, Yuan
from trilend.organization.scope import Scoped
from trilend.organization.sight import Sight
from trilend.parties.models import OfCustomer, Party


class LoanStage(StrEnum):
    """Contract made, money on its way, running, or closed."""

    CONTRACTED = "contracted"
    DISBURSING = "disbursing"
    ACTIVE = "active"
    SETTLED = "settled"


class Loan(OfCustomer, Created, TenantBase):
    """A loan: its terms never change; everything from `as_of` on is derived from terms, events and that date.

    The `posted_*` columns say what the ledger has been told, so that a new state posts the difference only.
    """

    scoped_as = "loan"
    __tablename__ = "loan"
    __table_args__ = (
        CheckConstraint("principal > 0"),
        Index("loan_running", "as_of", "id", postgresql_where="state = 'active'"),
        Index("loan_state", "state", "id"),
        Index("loan_next_due", "next_due_on", "id"),
        Index("loan_overdue", "id", postgresql_where="days_past_due > 0"),
        {"info": {"ddl": ("CREATE SEQUENCE loan_number",), "sequences": ("loan_number",), "reports": True}},
    )

    id: Mapped[BigKey]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    application_id: Mapped[int] = mapped_column(ForeignKey("loan_application.id"), unique=True)
    party_id: Mapped[int] = mapped_column(ForeignKey("party.id"), index=True)
    principal: Mapped[Yuan]
    annual_rate: Mapped[Rate]
    periods: Mapped[int]
    method: Mapped[str] = mapped_column(String(24))
    day_count: Mapped[str] = mapped_column(String(16))
    interest_unit: Mapped[str] = mapped_column(String(16))
    rounding_mode: Mapped[str] = mapped_column(String(16))
    rounding_places: Mapped[int]
    holiday_rule: Mapped[str] = mapped_column(String(16))
    penalty_rate: Mapped[Rate]
    grace_days: Mapped[int]
    contracted_on: Mapped[date]
    state: Mapped[LoanStage] = mapped_column(String(16), default=LoanStage.CONTRACTED)
    start: Mapped[date | None]
    as_of: Mapped[date | None]
    principal_outstanding: Mapped[Yuan] = mapped_column(default=Decimal(0))
    due_total: Mapped[Yuan] = mapped_column(default=Decimal(0))
    overdue_total: Mapped[Yuan] = mapped_column(default=Decimal(0))
    unapplied: Mapped[Yuan] = mapped_column(default=Decimal(0))
    days_past_due: Mapped[int] = mapped_column(default=0)
    tier: Mapped[str] = mapped_column(String(16), default="pass")
    next_due_on: Mapped[date | None]
    next_due_amount: Mapped[Yuan] = mapped_column(default=Decimal(0))
    error: Mapped[str] = mapped_column(String(300), default="")
    postings: Mapped[int] = mapped_column(default=0)
    posted_interest: Mapped[Yuan] = mapped_column(default=Decimal(0))
    posted_penalty: Mapped[Yuan] = mapped_column(default=Decimal(0))
    posted_interest_paid: Mapped[Yuan] = mapped_column(default=Decimal(0))
    posted_penalty_paid: Mapped[Yuan] = mapped_column(default=Decimal(0))
    posted_principal_paid: Mapped[Yuan] = mapped_column(default=Decimal(0))
    posted_provision: Mapped[Yuan] = mapped_column(default=Decimal(0))
    party: Mapped[Party] = relationship(lazy="raise")


class OfLoan(Scoped):
    """Mixin of models with a `loan_id`: seen by those who see the loan."""

    @classmethod
    def visible_to(cls, row: Any, sight: Sight) -> ColumnElement[bool]:
        """By the owner or department of the loan's customer."""
        loan = Loan.__table__.alias()
        return row.loan_id.in_(  # type: ignore[no-any-return]
            select(loan.c.id).where(Loan.visible_to(loan.c, sight))
        )


class LoanEvent(OfLoan, Created, TenantBase):
    """A fact about a loan: never changed; `key` makes it happen once, `value_date` is the day it counts from."""

    __tablename__ = "loan_event"
    __table_args__ = (Index("loan_event_loan", "loan_id"), {"info": {"append_only": True, "reports": True}})

    id: Mapped[BigKey]
    key: Mapped[str] = mapped_column(String(64), unique=True)
    loan_id: Mapped[int] = mapped_column(ForeignKey("loan.id"))
    kind: Mapped[str] = mapped_column(String(16))
    effect: Mapped[str] = mapped_column(String(16), default="")
    amount: Mapped[Yuan]
    value_date: Mapped[date]
    business_date: Mapped[date]


class PrepaymentAgreement(OfLoan, Created, TenantBase):
    """What was agreed before money arrives: the effect, the exact amount, and until when the quote holds."""

    __tablename__ = "prepayment_agreement"

    id: Mapped[BigKey]
    loan_id: Mapped[int] = mapped_column(ForeignKey("loan.id"), index=True)
    effect: Mapped[str] = mapped_column(String(16))
    amount: Mapped[Yuan]
    value_date: Mapped[date]
    used: Mapped[bool] = mapped_column(default=False)
