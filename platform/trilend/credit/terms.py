"""The terms of a loan, checked when they are made: a `Terms` that exists makes sense."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from trilend.credit.day_count import DayCount, InterestUnit
from trilend.credit.errors import InvalidTerms
from trilend.dates import HolidayRule, month_anchor
from trilend.money import CENTS, Rounding

_MOST_PERIODS = 600


class Method(StrEnum):
    """How principal and interest are spread over the instalments."""

    annuity = "annuity"
    equal_principal = "equal_principal"
    interest_only = "interest_only"
    bullet = "bullet"
    flat = "flat"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What was agreed for one loan.

    Raises InvalidTerms, naming the field, for terms that make no sense.
    """

    principal: Decimal
    """Yuan lent, with no more places than `rounding` keeps."""
    annual_rate: Decimal
    """Interest a year as a fraction: 0.18 is 18 %."""
    periods: int
    """Months; a bullet loan is one instalment after so many months."""
    method: Method
    start: date
    """The first day that bears interest."""
    day_count: DayCount = DayCount.thirty_360
    interest_unit: InterestUnit = InterestUnit.per_period
    rounding: Rounding = CENTS
    first_due: date | None = None
    """The first monthly due date, if not one month after `start`; it makes a broken first period."""
    due_day: int | None = None
    """A fixed day of the month for all instalments, if not the day of `first_due` or `start`."""
    holiday_rule: HolidayRule = HolidayRule.keep

    def __post_init__(self) -> None:
        _check_principal(self.principal, self.rounding)
        check_rate("annual_rate", self.annual_rate)
        if not 1 <= self.periods <= _MOST_PERIODS:
            raise InvalidTerms("periods", f"must lie between 1 and {_MOST_PERIODS} months, not {self.periods}")
        _check_first_due(self.first_due, self.start, self.due_day)

    @property
    def nominal_due_dates(self) -> tuple[date, ...]:
        """The monthly due dates before any of them moves off a holiday, one for each of `periods`."""
        first = self.first_due or month_anchor(self.start, 1, self.due_day)
        day = self.due_day or (self.first_due or self.start).day
        return tuple(month_anchor(first, month, day) for month in range(self.periods))


def check_rate(field: str, rate: Decimal) -> None:
    """Raise InvalidTerms unless `rate` is a fraction of one; 18 for 18 % is the usual slip."""
    if not rate.is_finite() or not 0 <= rate <= 1:
        raise InvalidTerms(field, f"is a fraction of one a year (0.18 for 18 %), not {rate}")


def _check_principal(principal: Decimal, rounding: Rounding) -> None:
    if not principal.is_finite() or principal <= 0:
        raise InvalidTerms("principal", f"must be more than nothing, not {principal}")
    if rounding.apply(principal) != principal:
        raise InvalidTerms("principal", f"{principal} has more than {rounding.places} decimal places")


def _check_first_due(first_due: date | None, start: date, due_day: int | None) -> None:
    if due_day is not None and not 1 <= due_day <= 31:
        raise InvalidTerms("due_day", f"a day of the month lies between 1 and 31, not {due_day}")
    if first_due is None:
        return
    if first_due <= start:
        raise InvalidTerms("first_due", f"{first_due} is not after the start on {start}")
    if due_day is not None and first_due != month_anchor(first_due, 0, due_day):
        raise InvalidTerms("first_due", f"{first_due} does not fall on the due day {due_day}")
