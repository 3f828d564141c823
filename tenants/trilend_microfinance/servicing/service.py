"""Derives the state of loans from their events and tells the ledger the difference, for one loan or many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, joinedload

from trilend.credit.account import (
    Disbursement,
    Event,
    LoanContract,
    LoanState,
    LoanStatus,
    Payoff,
    Prepayment,
    PrepaymentEffect,
    Repayment,
    derive,
    payoff,
)
from trilend.credit.classification import TierThresholds, classify
from trilend.errors import NotFound
from trilend.ledger.service import Line, Posting, post
from trilend.parameters.service import Figure, business_date, figures
from trilend_microfinance import accounts
from trilend_microfinance.servicing.models import Loan, LoanEvent, LoanStage
from trilend_microfinance.terms import terms_of

_EVENTS = {"disbursement": Disbursement, "repayment": Repayment}


@dataclass(frozen=True)
class Rules:
    """Tiers and provisions in force on a day."""

    thresholds: TierThresholds
    provisions: Mapping[str, Decimal]

    @classmethod
    def on(cls, session: Session, day: date) -> "Rules":
        """The rules of a business date; tiers without a figure are not used, provisions without one are nothing."""
        known = figures(session, day)
        return cls(
            thresholds=TierThresholds(
                special_mention=_days(known, "tier_special_mention_days"),
                substandard=_days(known, "tier_substandard_days"),
                doubtful=_days(known, "tier_doubtful_days"),
                loss=_days(known, "tier_loss_days"),
                non_performing=_days(known, "non_performing_days"),
            ),
            provisions={
                name.removeprefix("provision_"): figure.value
                for name, figure in known.items()
                if name.startswith("provision_")
            },
        )


def loan(session: Session, loan_id: int, *, lock: bool = False) -> Loan:
    """One loan with its party; raises `NotFound`."""
    statement = select(Loan).options(joinedload(Loan.party)).where(Loan.id == loan_id)
    found = session.scalar(statement.with_for_update(of=Loan) if lock else statement)
    if found is None:
        raise NotFound(_l("This loan does not exist."), id=loan_id)
    return found


def loan_by_number(session: Session, number: str) -> Loan | None:
    """The loan with a number, if any."""
    return session.scalar(select(Loan).where(Loan.number == number))


def contract_of(subject: Loan) -> LoanContract:
    """The loan's contract as the arithmetic takes it; before disbursement it starts on the day it was made."""
    start = subject.start or subject.contracted_on
    terms = terms_of(
        subject,
        principal=subject.principal,
        annual_rate=subject.annual_rate,
        periods=subject.periods,
        start=start,
    )
    return LoanContract(terms=terms, penalty_annual_rate=subject.penalty_rate, grace_days=subject.grace_days)


def events_of(session: Session, loans: Sequence[Loan]) -> Mapping[int, list[Event]]:
    """The events of many loans in one query, by loan."""
    found: dict[int, list[Event]] = {subject.id: [] for subject in loans}
    rows = session.scalars(select(LoanEvent).where(LoanEvent.loan_id.in_(found)).order_by(LoanEvent.id))
    for row in rows:
        found[row.loan_id].append(_event(row))
    return found


def state_of(session: Session, subject: Loan, as_of: date | None = None) -> LoanState:
    """How a loan stands at a date (default: today's business date)."""
    day = as_of or business_date(session)
    return derive(contract_of(subject), events_of(session, [subject])[subject.id], day)


def payoff_of(session: Session, subject: Loan, as_of: date) -> Payoff:
    """What closes a loan on a day."""
    return payoff(contract_of(subject), events_of(session, [subject])[subject.id], as_of)


def record_event(
    session: Session, subject: Loan, *, key: str, kind: str, amount: Decimal, value_date: date, effect: str = ""
) -> bool:
    """Add an event to a locked loan; False (and nothing done) if one with this key is there already."""
    values = {
        "key": key,
        "loan_id": subject.id,
        "kind": kind,
        "effect": effect,
        "amount": amount,
        "value_date": value_date,
        "business_date": business_date(session),
    }
    added = session.execute(
        upsert(LoanEvent).values(values).on_conflict_do_nothing(index_elements=["key"]).returning(LoanEvent.id)
    )
    return added.one_or_none() is not None


def catch_up(session: Session, subject: Loan) -> LoanState:
    """Bring one locked loan to today's business date and post what follows; needed before and after any write."""
    today = business_date(session)
    state = state_of(session, subject, today)
    post(session, postings_for(subject, state, Rules.on(session, today), today))
    return state


def postings_for(subject: Loan, state: LoanState, rules: Rules, booked_on: date) -> list[Posting]:
    """Put a new state on the loan's row and return the journals that tell the ledger the difference."""
    tier = classify(state.days_past_due, rules.thresholds)
    provision = _cents(state.principal_outstanding * rules.provisions.get(tier.value, Decimal(0)))
    servicing = (
        *_difference(
            accounts.INTEREST_RECEIVABLE,
            accounts.INTEREST_INCOME,
            state.interest_accrued_to_date - subject.posted_interest,
        ),
        *_difference(
            accounts.PENALTY_RECEIVABLE, accounts.PENALTY_INCOME, state.penalty_accrued - subject.posted_penalty
        ),
        *_difference(
            accounts.BORROWERS_MONEY, accounts.INTEREST_RECEIVABLE, state.interest_paid - subject.posted_interest_paid
        ),
        *_difference(
            accounts.BORROWERS_MONEY, accounts.PENALTY_RECEIVABLE, state.penalty_paid - subject.posted_penalty_paid
        ),
        *_difference(accounts.BORROWERS_MONEY, accounts.LOANS, state.principal_paid - subject.posted_principal_paid),
    )
    provisioning = _difference(accounts.IMPAIRMENT, accounts.LOSS_ALLOWANCE, provision - subject.posted_provision)
    _show(subject, state, tier.value)
    subject.posted_interest, subject.posted_penalty = state.interest_accrued_to_date, state.penalty_accrued
    subject.posted_interest_paid, subject.posted_penalty_paid = state.interest_paid, state.penalty_paid
    subject.posted_principal_paid, subject.posted_provision = state.principal_paid, provision
    return [
        _posting(subject, kind, booked_on, lines)
        for kind, lines in (("servicing", servicing), ("provision", provisioning))
        if lines
    ]


def _posting(subject: Loan, kind: str, booked_on: date, lines: tuple[Line, ...]) -> Posting:
    subject.postings += 1
    return Posting(
        key=f"loan:{subject.id}:{subject.postings}",
        kind=kind,
        business_date=booked_on,
        value_date=booked_on,
        source_type="loan",
        source_id=subject.id,
        memo=subject.number,
        lines=lines,
    )


def _difference(debit: str, credit: str, amount: Decimal) -> tuple[Line, ...]:
    """Two lines for a positive difference, the same reversed for a negative one, none for nothing."""
    return (Line(debit, amount), Line(credit, -amount)) if amount else ()


def _show(subject: Loan, state: LoanState, tier: str) -> None:
    upcoming = next((row for row in state.schedule if row.due > state.as_of and row.outstanding > 0), None)
    penalty = state.penalty_accrued - state.penalty_paid
    subject.as_of = state.as_of
    subject.principal_outstanding = state.principal_outstanding
    subject.due_total = state.principal_due + state.interest_due + penalty
    subject.overdue_total = state.principal_overdue + state.interest_overdue + penalty
    subject.unapplied = state.unapplied
    subject.days_past_due = state.days_past_due
    subject.tier = tier
    subject.next_due_on = upcoming.due if upcoming else None
    subject.next_due_amount = upcoming.outstanding if upcoming else Decimal(0)
    subject.error = ""
    if state.status == LoanStatus.settled and subject.state == LoanStage.ACTIVE:
        subject.state = LoanStage.SETTLED
    elif state.status == LoanStatus.active and subject.state == LoanStage.SETTLED:
        subject.state = LoanStage.ACTIVE


def _event(row: LoanEvent) -> Event:
    if row.kind == "prepayment":
        return Prepayment(row.key, row.value_date, row.amount, PrepaymentEffect(row.effect))
    return _EVENTS[row.kind](row.key, row.value_date, row.amount)


def _days(known: Mapping[str, Figure], name: str) -> int | None:
    return int(known[name].value) if name in known else None


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))
