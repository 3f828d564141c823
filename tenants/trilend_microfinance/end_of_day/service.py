"""Closes a business day: every running loan is brought to the next morning, then the date moves on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.credit.account import derive
from trilend.errors import TrilendError
from trilend.ledger.service import post
from trilend.parameters.service import business_date, lock_business_day
from trilend.webhooks.events import emit
from trilend_microfinance.servicing.models import Loan, LoanStage
from trilend_microfinance.servicing.service import Rules, contract_of, events_of, postings_for
from trilend_sdk.events import EventKind

log = structlog.get_logger(__name__)

_PORTION = 200


@dataclass
class DayReport:
    """What closing a day did."""

    day: date
    closed: bool = False
    loans: int = 0
    journals: int = 0
    failed: list[str] = field(default_factory=list)


def close_day(session: Session, day: date) -> DayReport:
    """Close `day` if it is the business date; closing a day that is closed already changes nothing.

    Loans are served in portions, each committed with its journals, so a run that was killed goes on where it was. A
    loan that fails keeps its error and does not stop the others; it is tried again the next day.
    """
    report = DayReport(day)
    if business_date(session) != day:
        session.rollback()
        return report
    morning = day + timedelta(days=1)
    rules = Rules.on(session, day)
    skipped: set[int] = set()
    while portion := _behind(session, morning, skipped):
        for subject in _serve(session, portion, rules, morning, report):
            skipped.add(subject.id)
        session.commit()
    row = lock_business_day(session)
    if row.business_date == day:
        _tell(session, report, row.closed_days + 1)
        row.business_date, row.closed_days = morning, row.closed_days + 1
        report.closed = True
    session.commit()
    return report


def _tell(session: Session, report: DayReport, number: int) -> None:
    told = {
        "day": report.day.isoformat(),
        "loans": report.loans,
        "journals": report.journals,
        "failed": len(report.failed),
    }
    emit(
        session,
        EventKind.DAY_CLOSED,
        subject_type="business_day",
        subject_id=number,
        number=report.day.isoformat(),
        data=told,
    )


def _behind(session: Session, morning: date, skipped: set[int]) -> Sequence[Loan]:
    statement = select(Loan).where(Loan.state == LoanStage.ACTIVE, Loan.as_of < morning)
    if skipped:
        statement = statement.where(Loan.id.not_in(skipped))
    return session.scalars(statement.order_by(Loan.id).limit(_PORTION).with_for_update()).all()


def _serve(session: Session, loans: Sequence[Loan], rules: Rules, morning: date, report: DayReport) -> list[Loan]:
    """Bring loans to the morning and post; returns those that failed."""
    events = events_of(session, loans)
    postings, failed = [], []
    for subject in loans:
        try:
            state = derive(contract_of(subject), events[subject.id], morning)
        except (TrilendError, ValueError, ArithmeticError, LookupError) as error:
            log.exception("loan left behind by end of day", loan=subject.number)
            subject.error = str(error)[:300]
            report.failed.append(subject.number)
            failed.append(subject)
            continue
        postings += postings_for(subject, state, rules, report.day)
        report.loans += 1
    report.journals += post(session, postings)
    return failed
