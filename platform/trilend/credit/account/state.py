"""How a loan stands on a day."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from trilend.credit.allocation import Component
from trilend.money import EXACT


class LoanStatus(StrEnum):
    """Not yet paid out, running, or paid back with everything that it cost."""

    pending = "pending"
    active = "active"
    settled = "settled"


class ScheduleRow(NamedTuple):
    """One row of the schedule as it stands, in yuan.

    `number` counts the instalments from 1; a prepayment stands between them as number 0 with its event's id.
    `penalty` is what has arisen by the day of the state.
    """

    number: int
    start: date
    due: date
    principal: Decimal
    interest: Decimal
    penalty: Decimal
    principal_paid: Decimal
    interest_paid: Decimal
    penalty_paid: Decimal
    prepayment: str | None = None

    @property
    def total(self) -> Decimal:
        """Principal and interest of the row."""
        return EXACT.add(self.principal, self.interest)

    @property
    def outstanding(self) -> Decimal:
        """What is still to be paid of principal, interest and the penalty that has arisen."""
        owed = EXACT.add(self.total, self.penalty)
        paid = EXACT.add(EXACT.add(self.principal_paid, self.interest_paid), self.penalty_paid)
        return EXACT.subtract(owed, paid)


class AppliedAmount(NamedTuple):
    """Yuan of one event that paid one component of one instalment (0: paid by a prepayment before its time)."""

    event_id: str
    component: Component
    instalment: int
    amount: Decimal


@dataclass(frozen=True, slots=True)
class SettlementMismatch:
    """A settlement that was not exactly the payoff, as a backdated entry can make it: yuan owed and yuan received.

    A surplus waits as unapplied; a shortfall leaves the loan running with a lowered payment.
    """

    event_id: str
    payoff: Decimal
    received: Decimal


@dataclass(frozen=True, slots=True)
class Payoff:
    """What closes the loan on a day, in yuan; `total` is what is left to pay after money that waits unapplied."""

    principal: Decimal
    interest: Decimal
    penalty: Decimal
    unapplied: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LoanState:
    """How a loan stands at the end of `as_of`, in yuan.

    Due is what fell due on `as_of` or earlier and is unpaid; overdue what fell due earlier. An instalment paid on its
    due date is in time.
    """

    as_of: date
    status: LoanStatus
    schedule: tuple[ScheduleRow, ...]
    disbursed: Decimal
    principal_outstanding: Decimal
    principal_due: Decimal
    principal_overdue: Decimal
    principal_paid: Decimal
    interest_accrued_to_date: Decimal
    """Earned since the first day, day by day within a period; never more than the period's before its due date."""
    interest_due: Decimal
    interest_overdue: Decimal
    interest_paid: Decimal
    penalty_accrued: Decimal
    penalty_paid: Decimal
    unapplied: Decimal
    days_past_due: int
    """Calendar days since the oldest due date with principal or interest unpaid; grace does not shorten it."""
    oldest_unpaid_due: date | None
    allocations: tuple[AppliedAmount, ...]
    mismatches: tuple[SettlementMismatch, ...]
