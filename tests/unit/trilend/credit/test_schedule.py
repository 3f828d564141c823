"""Schedules against the oracles of the domain and the laws that hold for all of them."""

from dataclasses import replace
from datetime import date
from decimal import ROUND_UP, Decimal, localcontext
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trilend.credit.day_count import DayCount, InterestUnit
from trilend.credit.schedule import Instalment, InvalidTerms, Method, Terms, build_schedule
from trilend.dates import HolidayRule, is_working_day
from trilend.money import Rounding, RoundingMode

NEW_YEAR = date(2024, 1, 1)


def terms(principal: str, rate: str, periods: int, method: Method = Method.annuity, **others: object) -> Terms:
    facts: dict[str, object] = {"start": NEW_YEAR} | others
    return Terms(principal=Decimal(principal), annual_rate=Decimal(rate), periods=periods, method=method, **facts)  # type: ignore[arg-type]


def totals(schedule: tuple[Instalment, ...]) -> list[str]:
    return [str(instalment.total) for instalment in schedule]


def principals(schedule: tuple[Instalment, ...]) -> list[str]:
    return [str(instalment.principal) for instalment in schedule]


def interests(schedule: tuple[Instalment, ...]) -> list[str]:
    return [str(instalment.interest) for instalment in schedule]


def test_oracle_annuity_at_seven_percent() -> None:
    schedule = build_schedule(terms("100", "0.07", 6))
    assert totals(schedule) == ["17.01"] * 5 + ["17.00"]
    assert sum(instalment.interest for instalment in schedule) == Decimal("2.05")


def test_oracle_annuity_that_comes_out_level() -> None:
    assert totals(build_schedule(terms("100", "0.094822", 6))) == ["17.13"] * 6


def test_oracle_annuity_over_actual_days() -> None:
    daily = terms("100", "0.15678", 6, day_count=DayCount.actual_365, interest_unit=InterestUnit.daily)
    assert totals(build_schedule(daily)) == ["17.43"] * 5 + ["17.47"]


def test_oracle_annuity_at_two_percent_a_month() -> None:
    schedule = build_schedule(terms("12000", "0.24", 4))
    assert principals(schedule) == ["2911.49", "2969.72", "3029.11", "3089.68"]
    assert interests(schedule) == ["240.00", "181.77", "122.38", "61.79"]


def test_oracle_equal_principal() -> None:
    schedule = build_schedule(terms("1250", "0.24", 3, Method.equal_principal))
    assert principals(schedule) == ["416.67", "416.67", "416.66"]
    assert interests(schedule) == ["25.00", "16.67", "8.33"]


def test_interest_only_pays_the_principal_with_the_last() -> None:
    schedule = build_schedule(terms("1000", "0.24", 3, Method.interest_only))
    assert totals(schedule) == ["20.00", "20.00", "1020.00"]
    assert principals(schedule) == ["0.00", "0.00", "1000.00"]


def test_bullet_is_one_instalment_at_maturity() -> None:
    by_months = terms("1000", "0.24", 3, Method.bullet)
    by_days = replace(by_months, interest_unit=InterestUnit.daily, day_count=DayCount.actual_360)
    assert build_schedule(by_months) == (
        Instalment(1, NEW_YEAR, date(2024, 4, 1), Decimal("1000.00"), Decimal("60.00")),
    )
    assert interests(build_schedule(by_days)) == ["60.67"]


def test_flat_charges_interest_on_the_original_principal() -> None:
    schedule = build_schedule(terms("1000", "0.24", 3, Method.flat))
    assert interests(schedule) == ["20.00", "20.00", "20.00"]
    assert principals(schedule) == ["333.33", "333.33", "333.34"]


def test_a_loan_without_interest() -> None:
    assert totals(build_schedule(terms("100", "0", 3))) == ["33.33", "33.33", "33.34"]


def test_due_dates_keep_to_the_day_of_the_start() -> None:
    schedule = build_schedule(terms("1000", "0.12", 3, start=date(2026, 1, 31)))
    assert [instalment.due for instalment in schedule] == [date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]
    assert [instalment.start for instalment in schedule] == [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)]


def test_a_fixed_due_day_breaks_the_first_period_only() -> None:
    broken = terms(
        "1000", "0.12", 3, Method.interest_only, start=date(2026, 1, 10), due_day=20, day_count=DayCount.actual_360
    )
    schedule = build_schedule(broken)
    assert [instalment.due for instalment in schedule] == [date(2026, 2, 20), date(2026, 3, 20), date(2026, 4, 20)]
    assert interests(schedule) == ["13.33", "10.00", "10.00"]


def test_a_broken_first_period_keeps_the_annuity_level() -> None:
    schedule = build_schedule(terms("100000", "0.18", 12, start=date(2026, 1, 10), first_due=date(2026, 1, 25)))
    assert interests(schedule)[0] == "750.00"
    assert totals(schedule) == ["9100.26"] * 11 + ["9100.22"]


def test_moving_off_a_holiday_changes_daily_interest_but_not_a_whole_months() -> None:
    monthly = terms(
        "1000",
        "0.36",
        2,
        Method.interest_only,
        start=date(2026, 1, 15),
        holiday_rule=HolidayRule.next,
        day_count=DayCount.actual_360,
    )
    daily = replace(monthly, interest_unit=InterestUnit.daily)
    assert [instalment.due for instalment in build_schedule(monthly)] == [date(2026, 2, 24), date(2026, 3, 16)]
    assert interests(build_schedule(monthly)) == ["30.00", "30.00"]
    assert interests(build_schedule(daily)) == ["40.00", "20.00"]


def test_a_make_up_weekend_is_a_due_date() -> None:
    saturday = terms("1000", "0.12", 1, start=date(2026, 1, 14), holiday_rule=HolidayRule.next)
    assert build_schedule(saturday)[0].due == date(2026, 2, 14)


def test_two_tenants_with_two_modes_are_both_right_in_one_process() -> None:
    half_up = terms("12000", "0.24", 4)
    down = replace(half_up, rounding=Rounding(RoundingMode.down))
    first, second, again = build_schedule(half_up), build_schedule(down), build_schedule(half_up)
    assert totals(first) == totals(again) == ["3151.49", "3151.49", "3151.49", "3151.47"]
    assert principals(second) == ["2911.48", "2969.71", "3029.11", "3089.70"]
    assert interests(second) == ["240.00", "181.77", "122.37", "61.79"]


def test_a_whole_yuan_product_rounds_to_whole_yuan() -> None:
    whole = terms("12000", "0.24", 4, rounding=Rounding(RoundingMode.half_up, places=0))
    assert totals(build_schedule(whole)) == ["3151", "3151", "3151", "3153"]


def test_an_annuity_is_not_rounded_up_to_whole_units() -> None:
    assert totals(build_schedule(terms("1000", "0.12", 12)))[0] == "88.85"


def test_the_context_of_the_process_changes_nothing() -> None:
    daily = terms("123456.78", "0.15678", 36, day_count=DayCount.actual_actual, interest_unit=InterestUnit.daily)
    expected = build_schedule(daily)
    with localcontext() as hostile:
        hostile.prec, hostile.rounding = 4, ROUND_UP
        assert build_schedule(daily) == expected
        assert expected[0].total == Decimal(totals(expected)[0])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"principal": Decimal(0)}, "principal"),
        ({"principal": Decimal("-5")}, "principal"),
        ({"principal": Decimal("NaN")}, "principal"),
        ({"principal": Decimal("100.005")}, "principal"),
        ({"annual_rate": Decimal("-0.01")}, "annual_rate"),
        ({"annual_rate": Decimal(18)}, "annual_rate"),
        ({"periods": 0}, "periods"),
        ({"periods": 601}, "periods"),
        ({"first_due": NEW_YEAR}, "first_due"),
        ({"due_day": 32}, "due_day"),
        ({"first_due": date(2024, 2, 5), "due_day": 20}, "first_due"),
    ],
)
def test_terms_that_make_no_sense_are_refused_by_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        replace(terms("100", "0.07", 6), **change)  # type: ignore[arg-type]
    assert refusal.value.field == field
    assert refusal.value.details == {"field": field}


def test_a_first_due_date_cannot_move_back_before_the_start() -> None:
    moved = terms("100", "0.07", 6, start=date(2026, 2, 14), first_due=date(2026, 2, 16), holiday_rule="previous")
    with pytest.raises(InvalidTerms, match="instalment 1 would fall due on 2026-02-14"):
        build_schedule(moved)


any_terms = st.builds(
    Terms,
    principal=st.integers(1, 10**10).map(lambda cents: Decimal(cents).scaleb(-2)),
    annual_rate=st.integers(0, 10**4).map(lambda rate: Decimal(rate).scaleb(-4)),
    periods=st.integers(1, 60),
    method=st.sampled_from(Method),
    start=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    day_count=st.sampled_from(DayCount),
    interest_unit=st.sampled_from(InterestUnit),
    rounding=st.builds(Rounding, st.sampled_from(RoundingMode), st.just(2)),
    due_day=st.none() | st.integers(15, 31),
    holiday_rule=st.sampled_from([HolidayRule.keep, HolidayRule.next]),
)


@settings(deadline=None)
@given(any_terms)
def test_every_schedule_repays_the_principal_and_nothing_is_negative(agreed: Terms) -> None:
    schedule = build_schedule(agreed)
    assert sum(instalment.principal for instalment in schedule) == agreed.principal
    assert all(instalment.principal >= 0 and instalment.interest >= 0 for instalment in schedule)
    assert all(instalment.total == instalment.principal + instalment.interest for instalment in schedule)


@settings(deadline=None)
@given(any_terms)
def test_every_schedule_counts_up_without_gaps(agreed: Terms) -> None:
    schedule = build_schedule(agreed)
    assert len(schedule) == (1 if agreed.method == Method.bullet else agreed.periods)
    assert [instalment.number for instalment in schedule] == list(range(1, len(schedule) + 1))
    assert schedule[0].start == agreed.start
    assert all(former.due == latter.start for former, latter in pairwise(schedule))
    assert all(instalment.start < instalment.due for instalment in schedule)
    if agreed.holiday_rule == HolidayRule.next:
        assert all(is_working_day(instalment.due) for instalment in schedule)


@settings(deadline=None)
@given(any_terms)
def test_an_annuity_is_level_but_for_the_last(agreed: Terms) -> None:
    monthly = {"interest_unit": InterestUnit.per_period, "due_day": None, "holiday_rule": HolidayRule.keep}
    fair = replace(agreed, method=Method.annuity, principal=Decimal(100_000), **monthly)  # type: ignore[arg-type]
    assert len({instalment.total for instalment in build_schedule(fair)[:-1]}) <= 1
