"""Laws of servicing that hold for any loan and any history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from trilend.credit.account import (
    Disbursement,
    Event,
    LoanContract,
    LoanState,
    LoanStatus,
    PenaltyBase,
    Prepayment,
    PrepaymentEffect,
    PrepaymentInterest,
    Repayment,
    derive,
    payoff,
)
from trilend.credit.day_count import DayCount, InterestUnit
from trilend.credit.schedule import Method, Terms
from trilend.dates import HolidayRule
from trilend.money import Rounding, RoundingMode

START = date(2026, 1, 31)
PATIENT = settings(deadline=None)  # a busy machine is no failure

cents = st.integers(1, 2_000_000).map(lambda amount: Decimal(amount).scaleb(-2))
days = st.integers(0, 420).map(lambda offset: START + timedelta(days=offset))

contracts = st.builds(
    LoanContract,
    terms=st.builds(
        Terms,
        principal=st.just(Decimal(12_000)),
        annual_rate=st.sampled_from([Decimal("0"), Decimal("0.18"), Decimal("0.2399")]),
        periods=st.integers(1, 12),
        method=st.sampled_from(Method),
        start=st.just(START),
        day_count=st.sampled_from(DayCount),
        interest_unit=st.sampled_from(InterestUnit),
        rounding=st.builds(Rounding, st.sampled_from(RoundingMode)),
        holiday_rule=st.sampled_from(HolidayRule),
    ),
    penalty_annual_rate=st.sampled_from([Decimal("0"), Decimal("0.36")]),
    penalty_base=st.sampled_from(PenaltyBase),
    grace_days=st.sampled_from([0, 3]),
    prepayment_interest=st.sampled_from(PrepaymentInterest),
)
repayments = st.lists(st.tuples(days, cents), max_size=6)
prepayments = st.lists(st.tuples(days, cents, st.sampled_from(PrepaymentEffect)), max_size=3)


@dataclass(frozen=True)
class History:
    events: tuple[Event, ...]

    def received_by(self, day: date) -> Decimal:
        money = (event for event in self.events if isinstance(event, Repayment | Prepayment))
        return sum((event.amount for event in money if event.value_date <= day), Decimal(0))


@st.composite
def histories(draw: st.DrawFn, *, with_prepayments: bool = True) -> History:
    events: list[Event] = [Disbursement("out", START, Decimal(12_000))]
    if draw(st.booleans()):
        events.append(Disbursement("more", START + timedelta(days=draw(st.integers(0, 20))), Decimal(1_000)))
    events += [Repayment(f"r{n}", day, amount) for n, (day, amount) in enumerate(draw(repayments))]
    if with_prepayments:
        drawn = draw(prepayments)
        events += [Prepayment(f"p{n}", day, amount, effect) for n, (day, amount, effect) in enumerate(drawn)]
    last_draw = max(event.value_date for event in events if isinstance(event, Disbursement))
    return History(
        tuple(event for event in events if not isinstance(event, Prepayment) or event.value_date > last_draw)
    )


def total(amounts: Sequence[Decimal]) -> Decimal:
    return sum(amounts, Decimal(0))


def applied(state: LoanState, component: str) -> Decimal:
    return total([line.amount for line in state.allocations if line.component == component])


@PATIENT
@given(contracts, histories(), days, st.randoms(use_true_random=False))
def test_the_order_of_entry_does_not_matter(
    contract: LoanContract, history: History, as_of: date, chance: Random
) -> None:
    shuffled = list(history.events)
    chance.shuffle(shuffled)
    assert derive(contract, shuffled, as_of) == derive(contract, history.events, as_of)


@PATIENT
@given(contracts, histories(), days)
def test_every_yuan_received_is_applied_or_waits(contract: LoanContract, history: History, as_of: date) -> None:
    state = derive(contract, history.events, as_of)
    assert total([line.amount for line in state.allocations]) + state.unapplied == history.received_by(as_of)
    assert all(line.amount > 0 for line in state.allocations)
    assert applied(state, "principal") == state.principal_paid
    assert applied(state, "interest") == state.interest_paid
    assert applied(state, "penalty") == state.penalty_paid


@PATIENT
@given(contracts, histories(), days)
def test_the_schedule_as_it_stands_repays_what_was_paid_out(
    contract: LoanContract, history: History, as_of: date
) -> None:
    state = derive(contract, history.events, as_of)
    if state.status != LoanStatus.pending:
        assert total([row.principal for row in state.schedule]) == state.disbursed
    assert state.principal_outstanding == state.disbursed - state.principal_paid
    for row in state.schedule:
        assert 0 <= row.principal_paid <= row.principal
        assert 0 <= row.interest_paid <= row.interest
        assert 0 <= row.penalty_paid <= row.penalty


@PATIENT
@given(contracts, histories(), days)
def test_what_happens_later_does_not_change_an_earlier_day(
    contract: LoanContract, history: History, as_of: date
) -> None:
    by_then = [event for event in history.events if event.value_date <= as_of]
    assert derive(contract, by_then, as_of) == derive(contract, history.events, as_of)


@PATIENT
@given(contracts, histories(with_prepayments=False), days, days)
def test_interest_earned_and_penalty_never_fall(
    contract: LoanContract, history: History, one: date, other: date
) -> None:
    earlier = derive(contract, history.events, min(one, other))
    later = derive(contract, history.events, max(one, other))
    assert earlier.interest_accrued_to_date <= later.interest_accrued_to_date
    assert earlier.interest_accrued_to_date <= total([row.interest for row in earlier.schedule])
    assert later.interest_accrued_to_date >= later.interest_paid + later.interest_due
    assert earlier.principal_paid <= later.principal_paid


@PATIENT
@given(contracts, histories(with_prepayments=False), days)
def test_the_payoff_settles_any_loan(contract: LoanContract, history: History, as_of: date) -> None:
    by_then = [event for event in history.events if event.value_date <= as_of]
    owed = payoff(contract, by_then, as_of)
    if owed.total > 0:
        by_then.append(Prepayment("settle", as_of, owed.total, PrepaymentEffect.settle))
        state = derive(contract, by_then, as_of)
        assert (state.status, state.unapplied, state.mismatches) == (LoanStatus.settled, Decimal("0.00"), ())


@PATIENT
@given(contracts, histories(), days)
def test_days_past_due_and_arrears_agree(contract: LoanContract, history: History, as_of: date) -> None:
    state = derive(contract, history.events, as_of)
    assert (state.days_past_due > 0) == (state.principal_overdue + state.interest_overdue > 0)
    assert state.principal_overdue <= state.principal_due <= state.principal_outstanding
    if state.status == LoanStatus.settled:
        assert (state.principal_outstanding, state.principal_due, state.interest_due) == (0, 0, 0)
