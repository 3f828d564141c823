"""A loan in service, to the cent: accrual, arrears, penalty, allocation, money in advance."""

from dataclasses import replace
from datetime import date
from decimal import ROUND_UP, Decimal, localcontext

import pytest

from trilend.credit.account import (
    AppliedAmount,
    Disbursement,
    Event,
    LoanContract,
    LoanStatus,
    PenaltyBase,
    Repayment,
    Reversal,
    derive,
)
from trilend.credit.allocation import AllocationOrder, Component, Timing
from trilend.credit.day_count import DayCount
from trilend.credit.errors import InvalidEvents, InvalidTerms

FIRST_DUE = date(2026, 2, 15)
LEVEL = Decimal("3151.49")


def test_a_loan_is_pending_until_money_is_paid_out(contract: LoanContract, paid_out: Disbursement) -> None:
    state = derive(contract, [paid_out], date(2026, 1, 14))
    assert state.status == LoanStatus.pending
    assert len(state.schedule) == 4
    assert (state.disbursed, state.principal_outstanding, state.interest_accrued_to_date) == (0, 0, 0)


def test_on_the_first_day_all_principal_is_out_and_no_interest_earned(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    state = derive(contract, [paid_out], date(2026, 1, 15))
    assert state.status == LoanStatus.active
    assert (state.disbursed, state.principal_outstanding, state.interest_accrued_to_date) == (12_000, 12_000, 0)


@pytest.mark.parametrize(
    ("as_of", "accrued"),
    [
        (date(2026, 1, 25), "80.00"),
        (date(2026, 2, 14), "232.00"),
        (FIRST_DUE, "240.00"),
        (date(2026, 2, 16), "246.06"),
        (date(2026, 5, 15), "605.94"),
        (date(2026, 12, 31), "605.94"),
    ],
)
def test_interest_is_earned_day_by_day(
    contract: LoanContract, paid_out: Disbursement, as_of: date, accrued: str
) -> None:
    assert str(derive(contract, [paid_out], as_of).interest_accrued_to_date) == accrued


def test_actual_days_never_earn_more_than_the_period_before_its_due_date(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    actual = replace(contract, terms=replace(contract.terms, day_count=DayCount.actual_360))
    days = (date(2026, 2, 13), date(2026, 2, 14), FIRST_DUE)
    accrued = [str(derive(actual, [paid_out], day).interest_accrued_to_date) for day in days]
    assert accrued == ["232.00", "240.00", "240.00"]


def test_an_instalment_is_due_on_its_day_and_overdue_on_the_next(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    due = derive(contract, [paid_out], FIRST_DUE)
    late = derive(contract, [paid_out], date(2026, 2, 16))
    assert (str(due.principal_due), str(due.principal_overdue)) == ("2911.49", "0.00")
    assert (str(due.interest_due), str(due.interest_overdue)) == ("240.00", "0.00")
    assert (due.days_past_due, due.oldest_unpaid_due) == (0, FIRST_DUE)
    assert (str(late.principal_due), str(late.principal_overdue)) == ("2911.49", "2911.49")
    assert (str(late.interest_due), str(late.interest_overdue)) == ("240.00", "240.00")
    assert (late.days_past_due, late.oldest_unpaid_due) == (1, FIRST_DUE)


def test_paid_on_the_due_date_is_in_time(contract: LoanContract, paid_out: Disbursement) -> None:
    state = derive(contract, [paid_out, Repayment("r1", FIRST_DUE, LEVEL)], date(2026, 3, 10))
    assert (state.days_past_due, state.oldest_unpaid_due, state.penalty_accrued) == (0, None, 0)
    assert str(state.principal_outstanding) == "9088.51"
    assert state.allocations == (
        AppliedAmount("r1", Component.interest, 1, Decimal("240.00")),
        AppliedAmount("r1", Component.principal, 1, Decimal("2911.49")),
    )


@pytest.mark.parametrize(
    ("base", "penalty"),
    [(PenaltyBase.overdue_principal, "29.11"), (PenaltyBase.overdue_principal_and_interest, "31.51")],
)
def test_penalty_is_rounded_once_for_all_days(
    contract: LoanContract, paid_out: Disbursement, base: PenaltyBase, penalty: str
) -> None:
    state = derive(replace(contract, penalty_base=base), [paid_out], date(2026, 2, 25))
    assert str(state.penalty_accrued) == penalty


def test_a_late_payment_pays_penalty_then_interest_then_principal(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    events = [paid_out, Repayment("r1", date(2026, 2, 25), Decimal(1269))]
    state = derive(contract, events, date(2026, 2, 25))
    assert state.allocations == (
        AppliedAmount("r1", Component.penalty, 1, Decimal("29.11")),
        AppliedAmount("r1", Component.interest, 1, Decimal("240.00")),
        AppliedAmount("r1", Component.principal, 1, Decimal("999.89")),
    )
    assert (str(state.principal_overdue), str(state.interest_overdue)) == ("1911.60", "0.00")
    assert state.days_past_due == 10


def test_penalty_goes_on_over_what_is_left(contract: LoanContract, paid_out: Disbursement) -> None:
    events = [paid_out, Repayment("r1", date(2026, 2, 25), Decimal("1269.11"))]
    state = derive(contract, events, date(2026, 3, 7))
    assert (str(state.penalty_accrued), str(state.penalty_paid)) == ("48.23", "29.11")


def test_penalty_stops_when_the_arrears_are_paid_but_stays_owed(contract: LoanContract, paid_out: Disbursement) -> None:
    principal_first = AllocationOrder(
        tuple((timing, part) for timing in Timing for part in ("principal", "interest", "penalty", "fee"))  # type: ignore[misc]
    )
    events = [paid_out, Repayment("r1", date(2026, 2, 25), LEVEL)]
    state = derive(replace(contract, allocation_order=principal_first), events, date(2026, 3, 10))
    assert (str(state.penalty_accrued), str(state.penalty_paid)) == ("29.11", "0.00")
    assert (state.days_past_due, state.oldest_unpaid_due) == (0, None)
    assert str(state.schedule[0].outstanding) == "29.11"


@pytest.mark.parametrize(
    ("as_of", "penalty"),
    [(date(2026, 2, 17), "0.00"), (date(2026, 2, 18), "0.00"), (date(2026, 2, 19), "11.65")],
)
def test_grace_costs_nothing_and_once_past_counts_from_the_due_date(
    contract: LoanContract, paid_out: Disbursement, as_of: date, penalty: str
) -> None:
    state = derive(replace(contract, grace_days=3), [paid_out], as_of)
    assert str(state.penalty_accrued) == penalty
    assert state.days_past_due == (as_of - FIRST_DUE).days


def test_paid_within_grace_never_costs_penalty(contract: LoanContract, paid_out: Disbursement) -> None:
    events = [paid_out, Repayment("r1", date(2026, 2, 18), LEVEL)]
    state = derive(replace(contract, grace_days=3), events, date(2026, 3, 10))
    assert (str(state.penalty_accrued), str(state.principal_outstanding)) == ("0.00", "9088.51")


def test_money_before_its_time_waits_and_pays_on_the_due_date(contract: LoanContract, paid_out: Disbursement) -> None:
    events = [paid_out, Repayment("early", date(2026, 2, 1), Decimal(4000))]
    waiting, applied = derive(contract, events, date(2026, 2, 14)), derive(contract, events, FIRST_DUE)
    second = derive(contract, events, date(2026, 3, 15))
    assert (str(waiting.unapplied), str(waiting.principal_paid)) == ("4000.00", "0.00")
    assert (str(applied.unapplied), str(applied.principal_paid)) == ("848.51", "2911.49")
    assert (str(second.unapplied), str(second.interest_paid), str(second.principal_due)) == (
        "0.00",
        "421.77",
        "2302.98",
    )
    assert second.days_past_due == 0


def test_four_payments_in_time_settle_the_loan(contract: LoanContract, paid_out: Disbursement) -> None:
    amounts = {"r1": LEVEL, "r2": LEVEL, "r3": LEVEL, "r4": Decimal("3151.47")}
    payments = [Repayment(name, date(2026, month, 15), paid) for month, (name, paid) in enumerate(amounts.items(), 2)]
    state = derive(contract, [paid_out, *payments], date(2026, 5, 15))
    assert state.status == LoanStatus.settled
    assert (str(state.principal_outstanding), str(state.interest_paid), str(state.unapplied)) == (
        "0.00",
        "605.94",
        "0.00",
    )


def test_a_backdated_payment_derives_the_state_anew(contract: LoanContract, paid_out: Disbursement) -> None:
    late: list[Event] = [paid_out, Repayment("r2", date(2026, 3, 1), Decimal(1000))]
    before = derive(contract, late, date(2026, 3, 1))
    after = derive(contract, [*late, Repayment("r1", FIRST_DUE, LEVEL)], date(2026, 3, 1))
    assert (str(before.penalty_accrued), before.days_past_due) == ("40.76", 14)
    assert (str(after.penalty_accrued), after.days_past_due, str(after.unapplied)) == ("0.00", 0, "1000.00")


def test_a_reversed_payment_counts_until_the_reversal_and_never_after(
    contract: LoanContract, paid_out: Disbursement
) -> None:
    payment = Repayment("r1", FIRST_DUE, LEVEL)
    bounced = Reversal("bounced", date(2026, 2, 20), "r1")
    events = [bounced, payment, paid_out]
    assert derive(contract, events, date(2026, 2, 19)) == derive(contract, [paid_out, payment], date(2026, 2, 19))
    assert derive(contract, events, date(2026, 2, 20)) == derive(contract, [paid_out], date(2026, 2, 20))


def test_interest_runs_from_the_day_and_on_the_sum_really_paid_out(contract: LoanContract) -> None:
    state = derive(contract, [Disbursement("net", date(2026, 1, 20), Decimal(11_000))], date(2026, 2, 19))
    assert state.schedule[0].due == date(2026, 2, 20)
    assert (str(state.principal_outstanding), str(state.interest_accrued_to_date)) == ("11000.00", "212.67")


def test_a_second_drawing_bears_interest_from_its_own_day(contract: LoanContract) -> None:
    first = Disbursement("first", date(2026, 1, 15), Decimal(6000))
    second = Disbursement("second", date(2026, 1, 30), Decimal(6000))
    before = derive(contract, [first, second], date(2026, 1, 29))
    state = derive(contract, [first, second], date(2026, 1, 30))
    assert str(before.principal_outstanding) == "6000.00"
    assert str(state.interest_accrued_to_date) == "60.00"
    assert [str(row.total) for row in state.schedule] == ["3136.04", "3136.04", "3136.04", "3136.03"]
    assert [str(row.interest) for row in state.schedule] == ["180.00", "180.88", "121.78", "61.49"]


def test_the_context_of_the_process_changes_nothing(contract: LoanContract, paid_out: Disbursement) -> None:
    events = [paid_out, Repayment("r1", date(2026, 2, 25), Decimal(1269))]
    expected = derive(contract, events, date(2026, 4, 1))
    with localcontext() as hostile:
        hostile.prec, hostile.rounding = 4, ROUND_UP
        assert derive(contract, events, date(2026, 4, 1)) == expected


@pytest.mark.parametrize("amount", ["0", "-1", "NaN"])
def test_an_event_moves_more_than_nothing(amount: str) -> None:
    with pytest.raises(InvalidEvents) as refusal:
        Repayment("r1", FIRST_DUE, Decimal(amount))
    assert refusal.value.event_id == "r1"


def test_two_events_of_one_id_are_refused(contract: LoanContract, paid_out: Disbursement) -> None:
    twice = Repayment("paid-out", FIRST_DUE, LEVEL)
    with pytest.raises(InvalidEvents, match="event paid-out: is recorded twice"):
        derive(contract, [paid_out, twice], FIRST_DUE)


def test_a_reversal_of_nothing_is_refused(contract: LoanContract, paid_out: Disbursement) -> None:
    with pytest.raises(InvalidEvents, match="event x: reverses r9"):
        derive(contract, [paid_out, Reversal("x", FIRST_DUE, "r9")], FIRST_DUE)


def test_a_drawing_after_the_last_due_date_is_refused(contract: LoanContract, paid_out: Disbursement) -> None:
    with pytest.raises(InvalidEvents, match="after the last instalment"):
        derive(contract, [paid_out, Disbursement("late", date(2026, 5, 15), Decimal(1))], date(2026, 6, 1))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"penalty_annual_rate": Decimal(36)}, "penalty_annual_rate"),
        ({"grace_days": -1}, "grace_days"),
        ({"allocation_order": AllocationOrder(((Timing.due, Component.principal),))}, "allocation_order"),
    ],
)
def test_rules_that_make_no_sense_are_refused_by_field(
    contract: LoanContract, change: dict[str, object], field: str
) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        replace(contract, **change)  # type: ignore[arg-type]
    assert refusal.value.field == field
