"""The all-in-cost table before signing."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from trilend.credit.cost import all_in_cost
from trilend.credit.disclosure import Charge, DefaultCharge, borrower_flows, disclosure
from trilend.credit.schedule import Method, Terms, build_schedule

START = date(2026, 1, 1)
TERMS = Terms(principal=Decimal(100_000), annual_rate=Decimal("0.06"), periods=12, method=Method.flat, start=START)
INTEREST = Charge("利息", "甲小额贷款公司", "等本等息", "年利率 6 %", Decimal(0))
FEE = Charge("服务费", "乙科技公司", "一次性", "1 %", Decimal(1_000), START)
PENALTY = DefaultCharge("罚息", "甲小额贷款公司", "年利率 9 %")


def test_the_table_names_every_charge_and_both_rates() -> None:
    table = disclosure(TERMS, INTEREST, [FEE], [PENALTY])
    assert [(row.name, row.payee, str(row.amount)) for row in table.charges] == [
        ("利息", "甲小额贷款公司", "6000.00"),
        ("服务费", "乙科技公司", "1000"),
    ]
    assert (table.principal, str(table.total_charges)) == (Decimal(100_000), "7000.00")
    assert [(label, round(rate, 4)) for label, rate in table.annualised] == [
        ("simple", Decimal("0.1280")),
        ("irr", Decimal("0.1358")),
    ]
    assert table.default_charges == (PENALTY,)


def test_interest_alone_costs_the_contract_rate() -> None:
    table = disclosure(replace(TERMS, method=Method.annuity), INTEREST)
    assert round(table.cost.simple, 4) == Decimal("0.0600")


def test_a_bullet_on_whole_months_is_annualised_by_months() -> None:
    table = disclosure(replace(TERMS, method=Method.bullet), INTEREST)
    assert table.cost.irr == Decimal("0.0600000000")


def test_broken_months_and_odd_days_are_annualised_by_days() -> None:
    broken = replace(TERMS, method=Method.bullet, periods=1, first_due=date(2027, 1, 1))
    late_fee = replace(FEE, when=date(2026, 1, 12))
    assert disclosure(broken, INTEREST).cost.irr == Decimal("0.0600000000")
    by_days = all_in_cost(borrower_flows(TERMS, build_schedule(TERMS), [late_fee]))
    assert disclosure(TERMS, INTEREST, [late_fee]).cost == by_days


def test_a_charge_without_a_day_is_refused() -> None:
    with pytest.raises(ValueError, match="服务费 needs the day"):
        disclosure(TERMS, INTEREST, [replace(FEE, when=None)])
