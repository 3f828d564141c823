"""Day counts, checked on dates where they part."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trilend.credit.day_count import DayCount, months_fraction, year_fraction
from trilend.money import EXACT

days = st.dates(date(2020, 1, 1), date(2032, 12, 31))


def parts(numerator: int, denominator: int) -> Decimal:
    return EXACT.divide(Decimal(numerator), Decimal(denominator))


@pytest.mark.parametrize(
    ("start", "end", "convention", "fraction"),
    [
        (date(2026, 1, 1), date(2026, 2, 1), DayCount.thirty_360, parts(30, 360)),
        (date(2026, 1, 31), date(2026, 3, 31), DayCount.thirty_360, parts(60, 360)),
        (date(2026, 2, 28), date(2026, 3, 1), DayCount.thirty_360, parts(3, 360)),
        (date(2026, 1, 1), date(2026, 2, 1), DayCount.actual_360, parts(31, 360)),
        (date(2026, 1, 1), date(2026, 2, 1), DayCount.actual_365, parts(31, 365)),
        (date(2024, 1, 1), date(2025, 1, 1), DayCount.actual_365, parts(366, 365)),
        (date(2024, 1, 1), date(2025, 1, 1), DayCount.actual_actual, Decimal(1)),
        (date(2024, 2, 1), date(2024, 3, 1), DayCount.actual_actual, parts(29, 366)),
        (date(2026, 5, 5), date(2026, 5, 5), DayCount.actual_actual, Decimal(0)),
    ],
)
def test_year_fraction(start: date, end: date, convention: DayCount, fraction: Decimal) -> None:
    assert year_fraction(start, end, convention) == fraction


def test_actual_actual_gives_each_year_its_own_length() -> None:
    fraction = year_fraction(date(2023, 12, 1), date(2025, 1, 11), DayCount.actual_actual)
    assert fraction == EXACT.add(EXACT.add(parts(31, 365), Decimal(1)), parts(10, 365))


@pytest.mark.parametrize(
    ("start", "end", "months", "odd_days"),
    [
        (date(2026, 1, 31), date(2026, 2, 28), 1, 0),
        (date(2026, 1, 10), date(2026, 2, 20), 1, 10),
        (date(2026, 1, 10), date(2026, 2, 9), 0, 30),
        (date(2026, 1, 10), date(2026, 1, 25), 0, 15),
    ],
)
def test_whole_months_are_twelfths_and_odd_days_follow_the_day_count(
    start: date, end: date, months: int, odd_days: int
) -> None:
    expected = EXACT.add(parts(months, 12), parts(odd_days, 360))
    assert months_fraction(start, end, DayCount.actual_360) == expected


def test_a_period_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match="cannot end"):
        year_fraction(date(2026, 2, 1), date(2026, 1, 1), DayCount.thirty_360)


@given(days, days, days, st.sampled_from(DayCount))
def test_a_period_cut_in_two_is_as_long_as_it_was(first: date, second: date, third: date, convention: DayCount) -> None:
    start, cut, end = sorted((first, second, third))
    pieces = EXACT.add(year_fraction(start, cut, convention), year_fraction(cut, end, convention))
    assert abs(EXACT.subtract(pieces, year_fraction(start, end, convention))) < Decimal("1E-45")
