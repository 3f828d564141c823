"""The interest periods of a loan: their dates, the rate of each, and how much of it is earned by a day."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from trilend.credit.day_count import DayCount, InterestUnit, months_fraction, year_fraction
from trilend.credit.errors import InvalidTerms
from trilend.credit.terms import Method, Terms
from trilend.dates import adjust
from trilend.money import exact


class Period(NamedTuple):
    """One interest period: it begins with `start`, ends before `due`, and costs `rate` (a fraction) as a whole."""

    number: int
    start: date
    due: date
    rate: Decimal


@exact
def interest_periods(terms: Terms) -> tuple[Period, ...]:
    """Return the periods of `terms`; a bullet loan has one.

    With daily interest a due date that moves off a holiday lengthens or shortens its period; with whole months the
    instalment moves and its interest does not. Raises InvalidTerms if moving makes a period empty.
    """
    nominal = terms.nominal_due_dates
    if terms.method == Method.bullet:
        nominal = nominal[-1:]
    periods: list[Period] = []
    start = terms.start
    for number, day in enumerate(nominal, start=1):
        due = adjust(day, terms.holiday_rule)
        if due <= start:
            raise InvalidTerms("first_due", f"instalment {number} would fall due on {due}, not after {start}")
        periods.append(Period(number, start, due, _rate(terms, number, start, due, day)))
        start = due
    return tuple(periods)


def earned_rate(period_start: date, day: date, rate: Decimal, annual_rate: Decimal, convention: DayCount) -> Decimal:
    """Return the part of a period's `rate` earned from its start to `day`, before its due date.

    It grows day by day by the day count and never exceeds the rate of the whole period.
    """
    return min(rate, annual_rate * year_fraction(period_start, day, convention))


def _rate(terms: Terms, number: int, start: date, due: date, nominal_due: date) -> Decimal:
    if terms.interest_unit == InterestUnit.daily:
        return terms.annual_rate * year_fraction(start, due, terms.day_count)
    if number > 1:
        return terms.annual_rate / 12
    return terms.annual_rate * months_fraction(start, nominal_due, terms.day_count)
