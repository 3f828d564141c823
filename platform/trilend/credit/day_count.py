"""How days become a fraction of a year, and whether interest runs by whole months or by days."""

from calendar import isleap
from datetime import date
from decimal import Decimal
from enum import StrEnum

from trilend.dates import days_between, month_anchor
from trilend.money import exact


class DayCount(StrEnum):
    """The days of a period over the days of a year."""

    thirty_360 = "thirty_360"
    actual_360 = "actual_360"
    actual_365 = "actual_365"
    actual_actual = "actual_actual"


class InterestUnit(StrEnum):
    """`per_period`: a whole month is a twelfth of the year and odd days follow the day count; `daily`: days only."""

    per_period = "per_period"
    daily = "daily"


@exact
def year_fraction(start: date, end: date, convention: DayCount) -> Decimal:
    """Return the part of a year from `start` to `end`; the first day counts and the last does not.

    30/360 is the European form (ISDA 2006 §4.16(g): the 31st counts as the 30th), because its days add up when a
    period is cut in two, as a prepayment does. actual/actual gives each calendar year its own length (ISDA 2006
    §4.16(b)). Raises ValueError if `end` is before `start`.
    """
    if end < start:
        raise ValueError(f"a period cannot end on {end}, before it starts on {start}")
    match convention:
        case DayCount.thirty_360:
            return Decimal(_days_30_360(start, end)) / 360
        case DayCount.actual_360:
            return Decimal(days_between(start, end)) / 360
        case DayCount.actual_365:
            return Decimal(days_between(start, end)) / 365
        case DayCount.actual_actual:
            return _years_by_calendar(start, end)


def months_and_days(start: date, end: date) -> tuple[int, date]:
    """Return the whole months from `start` that fit before `end`, and the date they reach (odd days follow it)."""
    months = (end.year - start.year) * 12 + end.month - start.month
    if month_anchor(start, months) > end:
        months -= 1
    return months, month_anchor(start, months)


@exact
def months_fraction(start: date, end: date, convention: DayCount) -> Decimal:
    """Return the part of a year with whole months as twelfths and the odd days by `convention`."""
    months, reached = months_and_days(start, end)
    return Decimal(months) / 12 + year_fraction(reached, end, convention)


def _days_30_360(start: date, end: date) -> int:
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + min(end.day, 30) - min(start.day, 30)


def _years_by_calendar(start: date, end: date) -> Decimal:
    if start.year == end.year:
        return Decimal(days_between(start, end)) / _days_in(start.year)
    head = Decimal(days_between(start, date(start.year + 1, 1, 1))) / _days_in(start.year)
    tail = Decimal(days_between(date(end.year, 1, 1), end)) / _days_in(end.year)
    return head + (end.year - start.year - 1) + tail


def _days_in(year: int) -> int:
    return 366 if isleap(year) else 365
