"""Loans, for programs: where they stand, their schedules and their events."""

from collections.abc import Sequence
from datetime import date

from flask_babel import lazy_gettext as _l
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from trilend.api.fields import Answer, Day, Instant, Key, Line, Money, Rate
from trilend.api.operations import Call, Resource
from trilend.api.paging import Page, PageQuery, days_within, page_of
from trilend.credit.account import ScheduleRow
from trilend.credit.terms import Method
from trilend.signing.models import EnvelopeState
from trilend_microfinance.contracts.service import contract_envelope
from trilend_microfinance.servicing.models import Loan, LoanEvent, LoanStage
from trilend_microfinance.servicing.service import loan, state_of

LOANS = Resource("loans", _l("Loans from contract to settlement."))


class LoanQuery(PageQuery):
    """Which loans."""

    state: LoanStage | None = None
    party_id: Key | None = None
    number: Line = Field("", max_length=32)
    overdue: bool = Field(False, description="only loans that are past due")
    due_from: Day | None = Field(None, description="next instalment due on this day or later")
    due_to: Day | None = Field(None, description="next instalment due on this day or earlier")


class LoanAnswer(Answer):
    """A loan as the last end of day or payment left it; `as_of` is that business date."""

    id: int
    number: str
    application_id: int
    party_id: int
    party_name: str
    principal: Money
    annual_rate: Rate
    periods: int
    method: Method
    state: LoanStage
    start: date | None
    as_of: date | None
    principal_outstanding: Money
    due_total: Money
    overdue_total: Money
    unapplied: Money
    days_past_due: int
    tier: str
    next_due_on: date | None
    next_due_amount: Money
    created_at: Instant


class LoanDetail(LoanAnswer):
    """A loan with the state of its contract."""

    contract: EnvelopeState


class ScheduleLine(Answer):
    """An instalment; a prepayment stands between them with number 0."""

    number: int
    start: date
    due: date
    principal: Money
    interest: Money
    penalty: Money
    principal_paid: Money
    interest_paid: Money
    penalty_paid: Money
    outstanding: Money


class ScheduleAnswer(Answer):
    """The schedule of a loan as it stands on a business date."""

    loan_id: int
    as_of: date
    items: list[ScheduleLine]


class EventAnswer(Answer):
    """A fact about a loan: money paid out or in; it counts from `value_date` and was booked on `business_date`."""

    id: int
    kind: str
    effect: str = Field(description="of a prepayment: settle, shorten or lower")
    amount: Money
    value_date: date
    business_date: date
    recorded_at: Instant


@LOANS.get("/loans", scope="loans:read", summary=_l("List loans"))
def list_loans(call: Call, query: LoanQuery) -> Page[LoanAnswer]:
    """Newest first."""
    statement = select(Loan).options(joinedload(Loan.party))
    if query.state is not None:
        statement = statement.where(Loan.state == query.state)
    if query.party_id is not None:
        statement = statement.where(Loan.party_id == query.party_id)
    if query.number:
        statement = statement.where(Loan.number == query.number)
    if query.overdue:
        statement = statement.where(Loan.days_past_due > 0)
    statement = statement.where(*days_within(Loan.next_due_on, query, "due_from", "due_to"))
    return page_of(call.session, statement, Loan.id, query, lambda rows: [loan_answer(row) for row in rows])


@LOANS.get("/loans/{loan_id}", scope="loans:read", summary=_l("Read a loan"))
def read_loan(call: Call, loan_id: int) -> LoanDetail:
    """With the state of its contract: money is paid out once all have signed (`completed`)."""
    found = loan(call.session, loan_id)
    envelope = contract_envelope(call.session, loan_id)
    return LoanDetail(**dict(loan_answer(found)), contract=envelope.state)


@LOANS.get("/loans/{loan_id}/schedule", scope="loans:read", summary=_l("Read a loan's schedule"))
def read_schedule(call: Call, loan_id: int) -> ScheduleAnswer:
    """As of today's business date; before disbursement as it would be."""
    state = state_of(call.session, loan(call.session, loan_id))
    return ScheduleAnswer(loan_id=loan_id, as_of=state.as_of, items=[_schedule_line(row) for row in state.schedule])


@LOANS.get("/loans/{loan_id}/events", scope="loans:read", summary=_l("List a loan's events"))
def list_events(call: Call, loan_id: int, query: PageQuery) -> Page[EventAnswer]:
    """Newest first."""
    statement = select(LoanEvent).where(LoanEvent.loan_id == loan(call.session, loan_id).id)
    return page_of(call.session, statement, LoanEvent.id, query, _events)


def loan_answer(row: Loan) -> LoanAnswer:
    """A loan as the interface shows it; its party has to be loaded."""
    return LoanAnswer(
        id=row.id,
        number=row.number,
        application_id=row.application_id,
        party_id=row.party_id,
        party_name=row.party.name,
        principal=row.principal,
        annual_rate=row.annual_rate,
        periods=row.periods,
        method=Method(row.method),
        state=row.state,
        start=row.start,
        as_of=row.as_of,
        principal_outstanding=row.principal_outstanding,
        due_total=row.due_total,
        overdue_total=row.overdue_total,
        unapplied=row.unapplied,
        days_past_due=row.days_past_due,
        tier=row.tier,
        next_due_on=row.next_due_on,
        next_due_amount=row.next_due_amount,
        created_at=row.created_at,
    )


def _schedule_line(row: ScheduleRow) -> ScheduleLine:
    return ScheduleLine(
        number=row.number,
        start=row.start,
        due=row.due,
        principal=row.principal,
        interest=row.interest,
        penalty=row.penalty,
        principal_paid=row.principal_paid,
        interest_paid=row.interest_paid,
        penalty_paid=row.penalty_paid,
        outstanding=row.outstanding,
    )


def _events(rows: Sequence[LoanEvent]) -> list[EventAnswer]:
    return [
        EventAnswer(
            id=row.id,
            kind=row.kind,
            effect=row.effect,
            amount=row.amount,
            value_date=row.value_date,
            business_date=row.business_date,
            recorded_at=row.created_at,
        )
        for row in rows
    ]
