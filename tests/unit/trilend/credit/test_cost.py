"""The all-in cost of cash flows, against the official example and rates known by hand."""

from datetime import date
from decimal import ROUND_UP, Decimal, localcontext

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trilend.credit.cost import AllInCost, CashFlow, all_in_cost, periodic_all_in_cost
from trilend.credit.errors import NoRateOfReturn
from trilend.credit.schedule import Method, Terms, build_schedule
from trilend.dates import month_anchor

PBOC_EXAMPLE = [Decimal(100_000) - Decimal(1_000)] + [Decimal("-8833.3")] * 12


def percent(rate: Decimal) -> str:
    return f"{rate.scaleb(2).quantize(Decimal('0.01'))} %"


def test_the_example_of_the_peoples_bank() -> None:
    cost = periodic_all_in_cost(PBOC_EXAMPLE)
    assert (percent(cost.simple), percent(cost.irr)) == ("12.80 %", "13.58 %")


def test_the_example_by_its_dates_counts_real_days() -> None:
    flows = [CashFlow(month_anchor(date(2026, 1, 1), month), amount) for month, amount in enumerate(PBOC_EXAMPLE)]
    cost = all_in_cost(flows)
    assert (percent(cost.simple), percent(cost.irr)) == ("12.86 %", "13.64 %")


def test_a_year_by_days_costs_what_it_says() -> None:
    cost = all_in_cost([CashFlow(date(2026, 1, 1), Decimal(100)), CashFlow(date(2027, 1, 1), Decimal(-110))])
    assert cost == AllInCost(simple=Decimal("0.0956896851"), irr=Decimal("0.1000000000"))


def test_half_a_year_by_days_compounds() -> None:
    flows = [CashFlow(date(2026, 1, 1), Decimal(100)), CashFlow(date(2028, 1, 1), Decimal("-121"))]
    assert all_in_cost(flows).irr == Decimal("0.1000000000")


@pytest.mark.parametrize(
    ("amounts", "periods_a_year", "simple", "irr"),
    [
        (["100", "-102"], 12, "0.24", "0.2682417946"),
        (["100", "-106"], 2, "0.12", "0.1236"),
        (["100", "-100"], 12, "0", "0"),
        (["100", "-50", "-50"], 12, "0", "0"),
        (["100", "-95"], 12, "-0.6", "-0.4596399123"),
        (["100", "-230", "132"], 1, "0.1", "0.1"),  # 20 % solves it too: the rate nearer to nothing counts
    ],
)
def test_rates_known_by_hand(amounts: list[str], periods_a_year: int, simple: str, irr: str) -> None:
    cost = periodic_all_in_cost([Decimal(amount) for amount in amounts], periods_a_year)
    assert (cost.simple, cost.irr) == (Decimal(simple), Decimal(irr))


def test_flat_interest_costs_far_more_than_its_name() -> None:
    terms = Terms(
        principal=Decimal(100_000), annual_rate=Decimal("0.12"), periods=12, method=Method.flat, start=date(2026, 1, 1)
    )
    amounts = [terms.principal, *(-instalment.total for instalment in build_schedule(terms))]
    assert percent(periodic_all_in_cost(amounts).simple) == "21.46 %"


def test_the_order_of_dated_flows_and_the_process_context_do_not_matter() -> None:
    flows = [CashFlow(month_anchor(date(2026, 1, 31), month), amount) for month, amount in enumerate(PBOC_EXAMPLE)]
    with localcontext() as hostile:
        hostile.prec, hostile.rounding = 4, ROUND_UP
        turned = all_in_cost(flows[::-1])
    assert turned == all_in_cost(flows)


@pytest.mark.parametrize("amounts", [[], ["100"], ["100", "5"], ["-100", "-5"], ["0", "0"]])
def test_flows_one_way_have_no_rate(amounts: list[str]) -> None:
    with pytest.raises(NoRateOfReturn):
        periodic_all_in_cost([Decimal(amount) for amount in amounts])


def test_flows_on_one_day_or_none_have_no_rate() -> None:
    day = date(2026, 1, 1)
    with pytest.raises(NoRateOfReturn):
        all_in_cost([CashFlow(day, Decimal(100)), CashFlow(day, Decimal(-110))])
    with pytest.raises(NoRateOfReturn):
        all_in_cost([])


def test_a_loan_doubled_overnight_has_no_meaningful_rate() -> None:
    with pytest.raises(NoRateOfReturn, match="beyond any meaning"):
        all_in_cost([CashFlow(date(2026, 1, 1), Decimal(100)), CashFlow(date(2026, 1, 2), Decimal(-200))])


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 36))
def test_an_annuity_without_charges_costs_its_own_rate(basis_points: int, periods: int) -> None:
    rate = Decimal(basis_points).scaleb(-4)
    terms = Terms(
        principal=Decimal(10_000_000), annual_rate=rate, periods=periods, method=Method.annuity, start=date(2026, 1, 1)
    )
    amounts = [terms.principal, *(-instalment.total for instalment in build_schedule(terms))]
    assert percent(periodic_all_in_cost(amounts).simple) == percent(rate)
