"""The business calendar of China, with the make-up weekends of 2026."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trilend.dates import HolidayRule, adjust, days_between, is_working_day, month_anchor


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 2, 13), True),
        (date(2026, 2, 14), True),  # a Saturday that makes up for Spring Festival
        (date(2026, 2, 15), False),
        (date(2026, 2, 23), False),  # a Monday of Spring Festival
        (date(2026, 2, 24), True),
        (date(2026, 2, 28), True),  # a Saturday that makes up for it too
        (date(2026, 3, 1), False),
        (date(2026, 10, 10), True),  # a Saturday that makes up for National Day
        (date(2026, 10, 7), False),
        (date(2026, 11, 7), False),
    ],
)
def test_working_days_of_2026(day: date, working: bool) -> None:
    assert is_working_day(day) is working


@pytest.mark.parametrize(("day", "working"), [(date(2051, 10, 2), True), (date(2051, 10, 1), False)])
def test_years_without_a_notice_know_weekends_only(day: date, working: bool) -> None:
    assert is_working_day(day) is working


@pytest.mark.parametrize(
    ("day", "rule", "moved"),
    [
        (date(2026, 2, 15), HolidayRule.keep, date(2026, 2, 15)),
        (date(2026, 2, 15), HolidayRule.next, date(2026, 2, 24)),
        (date(2026, 2, 15), HolidayRule.previous, date(2026, 2, 14)),
        (date(2026, 10, 1), HolidayRule.next, date(2026, 10, 8)),
        (date(2026, 10, 10), HolidayRule.next, date(2026, 10, 10)),
        (date(2026, 9, 27), HolidayRule.previous, date(2026, 9, 24)),
    ],
)
def test_a_due_date_moves_by_the_products_rule(day: date, rule: HolidayRule, moved: date) -> None:
    assert adjust(day, rule) == moved


def test_months_are_counted_from_the_anchor_and_a_short_one_does_no_harm() -> None:
    start = date(2026, 1, 31)
    assert [month_anchor(start, months) for months in (1, 2, 3, 12, -2, 25)] == [
        date(2026, 2, 28),
        date(2026, 3, 31),
        date(2026, 4, 30),
        date(2027, 1, 31),
        date(2025, 11, 30),
        date(2028, 2, 29),
    ]


def test_a_fixed_day_of_the_month() -> None:
    assert month_anchor(date(2026, 1, 7), 1, day=20) == date(2026, 2, 20)
    assert month_anchor(date(2026, 1, 7), 1, day=31) == date(2026, 2, 28)


@pytest.mark.parametrize("day", [0, 32])
def test_no_month_has_such_a_day(day: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 31"):
        month_anchor(date(2026, 1, 7), 1, day=day)


def test_the_first_day_counts_and_the_last_does_not() -> None:
    assert days_between(date(2026, 1, 1), date(2026, 2, 1)) == 31
    assert days_between(date(2026, 1, 1), date(2026, 1, 1)) == 0


@given(st.dates(date(2004, 1, 1), date(2040, 1, 1)), st.sampled_from([HolidayRule.next, HolidayRule.previous]))
def test_a_moved_date_is_always_a_working_day_at_most_eleven_days_off(day: date, rule: HolidayRule) -> None:
    moved = adjust(day, rule)
    assert is_working_day(moved)
    assert abs(days_between(day, moved)) <= 11
