"""One instalment while it is serviced: what it owes, what was paid, and the interest and penalty it gathers."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from trilend.credit.account.contract import LoanContract, PenaltyBase
from trilend.credit.account.state import ScheduleRow
from trilend.credit.allocation import Component, OpenItem, Timing
from trilend.credit.amortisation import Part
from trilend.credit.periods import Period, earned_rate

_PENALTY_DAYS_A_YEAR = 360


@dataclass(slots=True)
class Row:
    """An instalment of a running loan; `base` is the sum its interest runs on.

    When the balance changes within its period, `carried` is the interest owed from before and `earned_before` the part
    of the period's rate that is used up.
    """

    number: int
    start: date
    due: date
    rate: Decimal
    base: Decimal
    principal: Decimal
    interest: Decimal
    principal_paid: Decimal
    interest_paid: Decimal
    penalty_paid: Decimal
    carried: Decimal
    earned_before: Decimal
    overdue_yuan_days: Decimal
    counted_to: date
    is_closed: bool = False
    """Whether nothing is owed and nothing can arise any more."""

    @classmethod
    def of(cls, period: Period, part: Part, zero: Decimal) -> "Row":
        """Return the row of a new instalment."""
        return cls(
            number=period.number,
            start=period.start,
            due=period.due,
            rate=period.rate,
            base=part.base,
            principal=part.principal,
            interest=part.interest,
            principal_paid=zero,
            interest_paid=zero,
            penalty_paid=zero,
            carried=zero,
            earned_before=zero,
            overdue_yuan_days=zero,
            counted_to=period.due,
        )

    @property
    def is_unpaid(self) -> bool:
        """Whether principal or interest is still owed."""
        return self.principal_paid < self.principal or self.interest_paid < self.interest

    def earned(self, day: date, contract: LoanContract) -> Decimal:
        """Return the part of the period's rate earned by `day`."""
        terms = contract.terms
        return earned_rate(self.start, day, self.rate, terms.annual_rate, terms.day_count)

    def unrounded_interest(self, day: date, contract: LoanContract) -> Decimal:
        """Return the interest earned by `day`, before the due date, and not yet paid by a prepayment."""
        return self.carried + self.base * max(Decimal(0), self.earned(day, contract) - self.earned_before)

    def draw(self, amount: Decimal, day: date, contract: LoanContract) -> None:
        """Set aside the interest earned by `day`, on which the balance grows by `amount`."""
        earned = self.earned(day, contract)
        self.carried = self.unrounded_interest(day, contract)
        if earned < self.earned_before:  # a prepayment has paid the whole period, but not for the new money
            self.carried += amount * (self.earned_before - earned)
        else:
            self.earned_before = earned

    def penalty(self, day: date, contract: LoanContract) -> Decimal:
        """Return the penalty that has arisen by `day`, rounded once."""
        if (day - self.due).days <= contract.grace_days:
            return contract.terms.rounding.zero
        if self.is_closed:
            return self.penalty_paid
        yuan_days = self.overdue_yuan_days + self._overdue(contract) * (day - self.counted_to).days
        if not yuan_days:
            return contract.terms.rounding.zero
        return contract.terms.rounding.apply(yuan_days * contract.penalty_annual_rate / _PENALTY_DAYS_A_YEAR)

    def open_items(self, day: date, contract: LoanContract) -> list[OpenItem]:
        """Return what this row, fallen due by `day`, still owes."""
        timing = Timing.past_due if self.due < day else Timing.due
        owed = (
            (Component.penalty, self.penalty(day, contract) - self.penalty_paid),
            (Component.interest, self.interest - self.interest_paid),
            (Component.principal, self.principal - self.principal_paid),
        )
        return [OpenItem(self.number, self.due, timing, part, amount) for part, amount in owed if amount]

    def pay(self, component: Component, amount: Decimal, day: date, contract: LoanContract) -> None:
        """Take `amount` for `component` on `day`; penalty up to the day is counted on what was owed before."""
        self._count(day, contract)
        if component == Component.principal:
            self.principal_paid += amount
        elif component == Component.interest:
            self.interest_paid += amount
        else:
            self.penalty_paid += amount
        if not self.is_unpaid and (day - self.due).days <= contract.grace_days:
            self.overdue_yuan_days = Decimal(0)
        self.is_closed = not self.is_unpaid and self.penalty_paid == self.penalty(day, contract)

    def snapshot(self, day: date, contract: LoanContract) -> ScheduleRow:
        """Return how the row stands on `day`."""
        return ScheduleRow(
            self.number,
            self.start,
            self.due,
            self.principal,
            self.interest,
            self.penalty(day, contract),
            self.principal_paid,
            self.interest_paid,
            self.penalty_paid,
        )

    def _overdue(self, contract: LoanContract) -> Decimal:
        overdue = self.principal - self.principal_paid
        if contract.penalty_base == PenaltyBase.overdue_principal_and_interest:
            overdue += self.interest - self.interest_paid
        return overdue

    def _count(self, day: date, contract: LoanContract) -> None:
        if day > self.counted_to:
            self.overdue_yuan_days += self._overdue(contract) * (day - self.counted_to).days
            self.counted_to = day
