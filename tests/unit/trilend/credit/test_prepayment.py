"""Paying before the time: shorter, lower or settled, with interest to the day."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from trilend.credit.account import (
    Disbursement,
    LoanContract,
    LoanState,
    LoanStatus,
    Payoff,
    Prepayment,
    PrepaymentEffect,
    PrepaymentInterest,
    Repayment,
    SettlementMismatch,
    derive,
    payoff,
    require_exact_settlement,
)
from trilend.credit.errors import InvalidEvents
from trilend.credit.schedule import Method

FIRST_DUE = date(2026, 2, 15)
MID_PERIOD = date(2026, 2, 25)
FIRST_PAID = Repayment("r1", FIRST_DUE, Decimal("3151.49"))


def rows(state: LoanState) -> list[tuple[int, str, str, str]]:
    return [(row.number, row.due.isoformat(), str(row.principal), str(row.interest)) for row in state.schedule]


def prepaid(amount: str, effect: PrepaymentEffect, day: date = MID_PERIOD) -> Prepayment:
    return Prepayment("early", day, Decimal(amount), effect)


def test_lower_keeps_the_dates_and_lowers_the_payment(contract: LoanContract, paid_out: Disbursement) -> None:
    early = prepaid("3000", PrepaymentEffect.lower_payment, FIRST_DUE)
    state = derive(contract, [paid_out, FIRST_PAID, early], FIRST_DUE)
    assert rows(state) == [
        (1, "2026-02-15", "2911.49", "240.00"),
        (0, "2026-02-15", "3000.00", "0.00"),
        (2, "2026-03-15", "1989.45", "121.77"),
        (3, "2026-04-15", "2029.24", "81.98"),
        (4, "2026-05-15", "2069.82", "41.40"),
    ]
    assert str(state.principal_outstanding) == "6088.51"


def test_shorten_keeps_the_payment_and_ends_earlier(contract: LoanContract, paid_out: Disbursement) -> None:
    early = prepaid("3000", PrepaymentEffect.shorten_term, FIRST_DUE)
    state = derive(contract, [paid_out, FIRST_PAID, early], FIRST_DUE)
    assert rows(state)[2:] == [(2, "2026-03-15", "3029.72", "121.77"), (3, "2026-04-15", "3058.79", "61.18")]


def test_within_a_period_interest_to_the_day_is_paid_first(contract: LoanContract, paid_out: Disbursement) -> None:
    events = [paid_out, FIRST_PAID, prepaid("3000", PrepaymentEffect.lower_payment)]
    state = derive(contract, events, MID_PERIOD)
    assert rows(state)[1:] == [
        (0, "2026-02-25", "2939.41", "60.59"),
        (2, "2026-03-15", "2036.30", "81.99"),
        (3, "2026-04-15", "2036.03", "82.26"),
        (4, "2026-05-15", "2076.77", "41.54"),
    ]
    assert state.schedule[1].prepayment == "early"
    assert str(state.interest_accrued_to_date) == str(state.interest_paid) == "300.59"


def test_shorten_within_a_period(contract: LoanContract, paid_out: Disbursement) -> None:
    events = [paid_out, FIRST_PAID, prepaid("3000", PrepaymentEffect.shorten_term)]
    assert rows(derive(contract, events, MID_PERIOD))[2:] == [
        (2, "2026-03-15", "3069.50", "81.99"),
        (3, "2026-04-15", "3079.60", "61.59"),
    ]


def test_a_contract_may_charge_the_whole_period(contract: LoanContract, paid_out: Disbursement) -> None:
    whole = replace(contract, prepayment_interest=PrepaymentInterest.full_period)
    events = [paid_out, FIRST_PAID, prepaid("3000", PrepaymentEffect.lower_payment)]
    assert rows(derive(whole, events, MID_PERIOD))[1:] == [
        (0, "2026-02-25", "2818.23", "181.77"),
        (2, "2026-03-15", "2131.62", "0.00"),
        (3, "2026-04-15", "2048.85", "82.77"),
        (4, "2026-05-15", "2089.81", "41.80"),
    ]


def test_what_is_due_comes_first(contract: LoanContract, paid_out: Disbursement) -> None:
    state = derive(contract, [paid_out, prepaid("3000", PrepaymentEffect.lower_payment)], MID_PERIOD)
    assert (str(state.penalty_paid), str(state.interest_paid), str(state.principal_paid)) == (
        "29.11",
        "240.00",
        "2730.89",
    )
    assert [row.number for row in state.schedule] == [1, 2, 3, 4]


def test_a_prepayment_that_reaches_no_principal_waits(contract: LoanContract, paid_out: Disbursement) -> None:
    state = derive(contract, [paid_out, FIRST_PAID, prepaid("60", PrepaymentEffect.lower_payment)], MID_PERIOD)
    assert (str(state.unapplied), [row.number for row in state.schedule]) == ("60.00", [1, 2, 3, 4])


@pytest.mark.parametrize("method", [Method.interest_only, Method.bullet, Method.equal_principal, Method.flat])
@pytest.mark.parametrize("effect", [PrepaymentEffect.shorten_term, PrepaymentEffect.lower_payment])
def test_every_method_can_be_prepaid_and_then_ends(
    contract: LoanContract, paid_out: Disbursement, method: Method, effect: PrepaymentEffect
) -> None:
    other = replace(contract, terms=replace(contract.terms, method=method))
    early = prepaid("4000", effect, date(2026, 1, 30))
    state = derive(other, [paid_out, early], date(2026, 1, 30))
    assert (str(state.interest_paid), str(state.principal_paid)) == ("120.00", "3880.00")
    assert sum(row.principal for row in state.schedule) == 12_000
    payments = [Repayment(f"r{row.number}", row.due, row.total) for row in state.schedule if row.number]
    assert derive(other, [paid_out, early, *payments], date(2026, 5, 15)).status == LoanStatus.settled


def test_bullet_interest_falls_with_the_principal(contract: LoanContract, paid_out: Disbursement) -> None:
    bullet = replace(contract, terms=replace(contract.terms, method=Method.bullet))
    early = prepaid("4000", PrepaymentEffect.lower_payment, date(2026, 1, 30))
    assert rows(derive(bullet, [paid_out, early], date(2026, 1, 30))) == [
        (0, "2026-01-30", "3880.00", "120.00"),
        (1, "2026-05-15", "8120.00", "568.40"),
    ]


def test_flat_interest_falls_in_proportion(contract: LoanContract, paid_out: Disbursement) -> None:
    flat = replace(contract, terms=replace(contract.terms, method=Method.flat))
    first = Repayment("r1", FIRST_DUE, Decimal(3240))
    events = [paid_out, first, prepaid("3000", PrepaymentEffect.lower_payment, FIRST_DUE)]
    assert rows(derive(flat, events, FIRST_DUE))[2:] == [
        (2, "2026-03-15", "2000.00", "160.00"),
        (3, "2026-04-15", "2000.00", "160.00"),
        (4, "2026-05-15", "2000.00", "160.00"),
    ]


def test_payoff_holds_arrears_penalty_and_interest_to_the_day(contract: LoanContract, paid_out: Disbursement) -> None:
    assert payoff(contract, [paid_out], MID_PERIOD) == Payoff(
        principal=Decimal("12000.00"),
        interest=Decimal("300.59"),
        penalty=Decimal("29.11"),
        unapplied=Decimal("0.00"),
        total=Decimal("12329.70"),
    )


def test_money_that_waits_lessens_the_payoff_and_helps_to_settle(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    waiting = Repayment("waiting", date(2026, 2, 20), Decimal(100))
    quoted = payoff(contract, [paid_out, FIRST_PAID, waiting], MID_PERIOD)
    assert (str(quoted.unapplied), str(quoted.total)) == ("100.00", "9049.10")
    settled = prepaid("9049.10", PrepaymentEffect.settle)
    state = derive(contract, [paid_out, FIRST_PAID, waiting, settled], MID_PERIOD)
    assert (state.status, str(state.unapplied), state.mismatches) == (LoanStatus.settled, "0.00", ())


def test_the_exact_payoff_settles_the_loan_for_good(contract: LoanContract, paid_out: Disbursement) -> None:
    settlement = prepaid("12329.70", PrepaymentEffect.settle)
    require_exact_settlement(contract, [paid_out], settlement)
    state = derive(contract, [paid_out, settlement], date(2027, 1, 1))
    assert state.status == LoanStatus.settled
    assert (state.principal_outstanding, state.days_past_due, state.mismatches) == (0, 0, ())
    assert [row.number for row in state.schedule] == [1, 0]
    assert str(state.interest_accrued_to_date) == str(state.interest_paid) == "300.59"


@pytest.mark.parametrize("amount", ["12329.69", "12329.71"])
def test_a_settlement_that_is_not_the_payoff_is_refused_at_entry(
    contract: LoanContract, paid_out: Disbursement, amount: str
) -> None:
    with pytest.raises(InvalidEvents, match=f"settles with {amount} yuan what takes 12329.70 yuan"):
        require_exact_settlement(contract, [paid_out], prepaid(amount, PrepaymentEffect.settle))


def test_a_payment_backdated_before_a_settlement_leaves_its_surplus_waiting(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    settlement = prepaid("12329.70", PrepaymentEffect.settle)
    state = derive(contract, [paid_out, settlement, FIRST_PAID], MID_PERIOD)
    assert (state.status, str(state.unapplied)) == (LoanStatus.settled, "3180.60")
    assert state.mismatches == (SettlementMismatch("early", Decimal("9149.10"), Decimal("12329.70")),)


def test_a_settlement_fallen_short_leaves_the_loan_running(contract: LoanContract, paid_out: Disbursement) -> None:
    state = derive(contract, [paid_out, prepaid("12000", PrepaymentEffect.settle)], MID_PERIOD)
    assert (state.status, str(state.principal_outstanding)) == (LoanStatus.active, "329.70")
    assert state.mismatches == (SettlementMismatch("early", Decimal("12329.70"), Decimal(12_000)),)


def test_more_than_the_loan_settles_it_and_the_rest_waits(contract: LoanContract, paid_out: Disbursement) -> None:
    state = derive(contract, [paid_out, prepaid("12500", PrepaymentEffect.lower_payment)], MID_PERIOD)
    assert (state.status, str(state.unapplied)) == (LoanStatus.settled, "170.30")


def test_new_money_after_a_whole_period_was_paid_bears_interest_from_its_day(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    whole = replace(contract, prepayment_interest=PrepaymentInterest.full_period)
    early = prepaid("6240", PrepaymentEffect.lower_payment, date(2026, 1, 20))
    more = Disbursement("more", date(2026, 1, 30), Decimal(4000))
    state = derive(whole, [paid_out, early, more], date(2026, 1, 30))
    assert str(state.principal_outstanding) == "10000.00"
    assert str(state.schedule[1].interest) == "40.00"
