"""Assigns money that came in to loans, agrees prepayments, and closes loans that are paid back."""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.service import SYSTEM, Actor, record
from trilend.credit.account import LoanStatus, Payoff, PrepaymentEffect
from trilend.errors import Invalid, NotFound, Refused
from trilend.jobs.models import Job
from trilend.jobs.service import JobRun, enqueue, handles
from trilend.ledger.service import Line, Posting, post
from trilend.parameters.service import business_date
from trilend.parties.models import Party
from trilend.payments.models import EntryState, StatementEntryRow
from trilend.payments.service import assign, read_statement, unmatched_receipts
from trilend.plugin_host.connections import active_connection
from trilend.tenancy.context import tenant_session
from trilend.webhooks.events import emit
from trilend_microfinance import accounts
from trilend_microfinance.servicing.models import Loan, LoanStage, PrepaymentAgreement
from trilend_microfinance.servicing.service import catch_up, loan, payoff_of, record_event
from trilend_sdk.events import EventKind

SUBJECT = "loan"
JOB = "microfinance.collect"
_LOAN_NUMBER = re.compile(r"DK\d{8}")


def order_collection(session: Session, actor: Actor) -> Job:
    """Start the job that reads the bank's statement and assigns what came in."""
    connection_id = active_connection(session, "bank").id
    return enqueue(session, JOB, {"connection": connection_id}, created_by=actor.user_id)  # type: ignore[return-value]


@handles(JOB, label=_l("Reading the statement and assigning receipts"))
def _collect(run: JobRun) -> dict[str, int]:
    session = tenant_session()
    read = read_statement(session, run.payload["connection"])
    run.progress(1, 2, note=str(read))
    assigned = assign_receipts(session)
    return {"read": read, "assigned": assigned}


def assign_receipts(session: Session) -> int:
    """Assign all receipts of which it is sure what they are for; returns how many. Commits in portions.

    Sure is: the remark names a loan that runs, or the paying account belongs to the borrower of exactly one.
    """
    assigned = 0
    seen: set[int] = set()
    while receipts := [entry for entry in unmatched_receipts(session) if entry.id not in seen]:
        seen.update(entry.id for entry in receipts)
        targets = _targets(session, receipts)
        for entry in receipts:
            if entry.id in targets:
                receive(session, SYSTEM, targets[entry.id], entry)
                assigned += 1
        session.commit()
    return assigned


def receive(session: Session, actor: Actor, loan_id: int, entry: StatementEntryRow) -> Loan:
    """Book a receipt on a loan; done once per statement entry. The caller commits."""
    if entry.state == EntryState.MATCHED:
        raise Refused(_l("This receipt is assigned already."))
    subject = loan(session, loan_id, lock=True)
    today = business_date(session)
    value_date = max(entry.booked_on, subject.start or entry.booked_on)
    key = f"receipt:{entry.connection_id}:{entry.entry_id}"
    agreement = _agreement_for(session, subject, entry)
    if agreement is not None:
        agreement.used = True
        kind, effect, value_date = "prepayment", agreement.effect, agreement.value_date
    else:
        kind, effect = "repayment", ""
    record_event(session, subject, key=key, kind=kind, amount=entry.amount, value_date=value_date, effect=effect)
    post(session, [_receipt(subject, key, entry.amount, today, value_date)])
    assign(entry, SUBJECT, subject.id)
    state = catch_up(session, subject)
    act = "loan.prepaid" if kind == "prepayment" else "loan.repaid"
    record(session, actor, act, SUBJECT, subject.id, amount=str(entry.amount), value_date=value_date.isoformat())
    told = {"amount": f"{entry.amount:.2f}", "value_date": value_date.isoformat(), "purpose": kind}
    _tell(session, EventKind.PAYMENT_RECEIVED, subject, told)
    if state.status == LoanStatus.settled:
        record(session, SYSTEM, "loan.settled", SUBJECT, subject.id)
        _tell(session, EventKind.LOAN_SETTLED, subject, {"amount": f"{entry.amount:.2f}"})
    return subject


def _tell(session: Session, kind: EventKind, subject: Loan, data: Mapping[str, str]) -> None:
    emit(session, kind, subject_type=SUBJECT, subject_id=subject.id, number=subject.number, data=data)


def quote(session: Session, subject: Loan, on: date) -> Payoff:
    """What closes the loan on a day not before today's business date."""
    if on < business_date(session):
        raise Invalid(_l("Choose today's business date or a later day."), field="value_date")
    return payoff_of(session, subject, on)


def agree_prepayment(
    session: Session, actor: Actor, loan_id: int, *, effect: str, amount: Decimal | None, value_date: date
) -> PrepaymentAgreement:
    """Agree that money of exactly this amount is a prepayment; replaces an earlier agreement that was not used.

    Settlement takes the payoff of the day as its amount. Raises `Refused` for a loan that does not run, `Invalid`
    for an amount that does not go beyond what is due, or that closes the loan.
    """
    subject = loan(session, loan_id, lock=True)
    if subject.state != LoanStage.ACTIVE:
        raise Refused(_l("Only a running loan can be prepaid."))
    closing = quote(session, subject, value_date)
    if effect == PrepaymentEffect.settle:
        amount = closing.total
    elif amount is None or not subject.due_total < amount < closing.total:
        message = _l(
            "Enter more than is due now (%(due)s) and less than closes the loan (%(all)s).",
            due=subject.due_total,
            all=closing.total,
        )
        raise Invalid(message, field="amount")
    for former in open_agreements(session, loan_id):
        session.delete(former)
    agreed = PrepaymentAgreement(loan_id=loan_id, effect=effect, amount=amount, value_date=value_date)
    session.add(agreed)
    session.flush()
    record(session, actor, "loan.prepayment_agreed", SUBJECT, loan_id, effect=effect, amount=str(amount))
    return agreed


def open_agreements(session: Session, loan_id: int) -> Sequence[PrepaymentAgreement]:
    """Agreements for which money has not arrived."""
    return session.scalars(
        select(PrepaymentAgreement).where(PrepaymentAgreement.loan_id == loan_id, PrepaymentAgreement.used.is_(False))
    ).all()


def unassigned(session: Session) -> Sequence[StatementEntryRow]:
    """Receipts for which nobody knows the loan yet."""
    return session.scalars(
        select(StatementEntryRow)
        .where(StatementEntryRow.state == EntryState.UNMATCHED, StatementEntryRow.direction == "in")
        .order_by(StatementEntryRow.id)
    ).all()


def receive_by_hand(session: Session, actor: Actor, loan_id: int, entry_row_id: int) -> Loan:
    """Assign a receipt to a loan by a person's decision; raises `NotFound`, `Refused`."""
    return receive(session, actor, loan_id, _receipt_to_decide(session, entry_row_id))


def set_aside(session: Session, actor: Actor, entry_row_id: int) -> None:
    """Say that a receipt is no repayment (capital paid in, say); raises `NotFound`, `Refused`."""
    entry = _receipt_to_decide(session, entry_row_id)
    if entry.state == EntryState.MATCHED:
        raise Refused(_l("This receipt is assigned already."))
    entry.state = EntryState.SET_ASIDE
    record(session, actor, "receipt.set_aside", "statement_entry", entry.id, amount=str(entry.amount))


def _receipt_to_decide(session: Session, entry_row_id: int) -> StatementEntryRow:
    entry = session.scalar(select(StatementEntryRow).where(StatementEntryRow.id == entry_row_id).with_for_update())
    if entry is None or entry.direction != "in":
        raise NotFound(_l("This receipt does not exist."), id=entry_row_id)
    return entry


def _targets(session: Session, receipts: Sequence[StatementEntryRow]) -> Mapping[int, int]:
    """Loan id for each receipt of which it is sure, in two queries for all of them."""
    named = {entry.id: found[0] for entry in receipts if (found := _LOAN_NUMBER.search(entry.remark))}
    running = Loan.state.in_((LoanStage.ACTIVE, LoanStage.SETTLED))
    by_number: dict[str, int] = {
        row.number: row.id
        for row in session.execute(select(Loan.number, Loan.id).where(Loan.number.in_(set(named.values())), running))
    }
    by_account: dict[str, list[int]] = {}
    accounts_used = {entry.counterparty_index for entry in receipts}
    rows = session.execute(
        select(Party.account_index, Loan.id)
        .join(Loan, Loan.party_id == Party.id)
        .where(Party.account_index.in_(accounts_used), Loan.state == LoanStage.ACTIVE)
    )
    for row in rows:
        by_account.setdefault(row.account_index, []).append(row.id)
    targets = {}
    for entry in receipts:
        candidates = by_account.get(entry.counterparty_index, [])
        if entry.id in named:
            if named[entry.id] in by_number:
                targets[entry.id] = by_number[named[entry.id]]
        elif len(candidates) == 1:
            targets[entry.id] = candidates[0]
    return targets


def _agreement_for(session: Session, subject: Loan, entry: StatementEntryRow) -> PrepaymentAgreement | None:
    return session.scalar(
        select(PrepaymentAgreement).where(
            PrepaymentAgreement.loan_id == subject.id,
            PrepaymentAgreement.used.is_(False),
            PrepaymentAgreement.amount == entry.amount,
            PrepaymentAgreement.value_date >= entry.booked_on,
        )
    )


def _receipt(subject: Loan, key: str, amount: Decimal, today: date, value_date: date) -> Posting:
    return Posting(
        key=key,
        kind="receipt",
        business_date=today,
        value_date=value_date,
        source_type=SUBJECT,
        source_id=subject.id,
        memo=subject.number,
        lines=(Line(accounts.BANK, amount), Line(accounts.BORROWERS_MONEY, -amount)),
    )
