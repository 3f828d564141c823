"""Orders and carries out disbursements: what is to be paid is recorded first, and each transfer happens once."""

from collections.abc import Sequence

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.service import SYSTEM, Actor, record
from trilend.errors import Refused
from trilend.identity.duties import require_other_person
from trilend.jobs.models import Job
from trilend.jobs.service import JobRun, enqueue, handles
from trilend.ledger.service import Line, Posting, post
from trilend.parameters.service import business_date
from trilend.payments.models import InstructionState, PaymentInstruction
from trilend.payments.service import execute, instructions_of, open_instructions, paying_connection
from trilend.signing.models import EnvelopeState
from trilend.tenancy.context import current_tenant, tenant_session
from trilend.webhooks.events import emit
from trilend_microfinance import accounts
from trilend_microfinance.applications.models import Application
from trilend_microfinance.contracts.service import contract_envelope
from trilend_microfinance.servicing.models import Loan, LoanStage
from trilend_microfinance.servicing.service import catch_up, loan, record_event
from trilend_sdk.events import EventKind

SUBJECT = "loan"
JOB = "microfinance.disburse"


class NotReady(Refused):
    """The contract is not signed by all, or the money has been ordered already."""

    code = "not_ready_to_disburse"

    def __init__(self, number: str) -> None:
        super().__init__(
            _l(
                "%(number)s cannot be paid out: its contract is not signed by all, or it is being paid out already.",
                number=number,
            ),
            number=number,
        )


def order(session: Session, actor: Actor, loan_ids: Sequence[int]) -> Job:
    """Record the transfers of these loans and start the job that sends them; all or none.

    Raises `NotReady`, and `DutiesSeparated` for a loan that the actor has approved.
    """
    connection_id = paying_connection(session).id
    _check_duties(session, actor, loan_ids)
    for loan_id in loan_ids:
        _order_one(session, actor, loan(session, loan_id, lock=True), connection_id)
    return enqueue(session, JOB, {"loans": list(loan_ids)}, created_by=actor.user_id)  # type: ignore[return-value]


def retry(session: Session, actor: Actor, loan_id: int) -> Job:
    """After a rejection by the bank (wrong account, no funds) order the transfer anew, under a new key."""
    subject = loan(session, loan_id, lock=True)
    _check_duties(session, actor, [loan_id])
    if subject.state != LoanStage.DISBURSING or open_instructions(session, SUBJECT, loan_id):
        raise NotReady(subject.number)
    _instruct(session, subject, paying_connection(session).id)
    record(session, actor, "loan.disbursement_ordered", SUBJECT, loan_id)
    return enqueue(session, JOB, {"loans": [loan_id]}, created_by=actor.user_id)  # type: ignore[return-value]


@handles(JOB, label=_l("Paying out"))
def _disburse(run: JobRun) -> dict[str, int]:
    session = tenant_session()
    loans: list[int] = run.payload["loans"]
    counts: dict[str, int] = {}
    for number, loan_id in enumerate(loans, start=1):
        for instruction in open_instructions(session, SUBJECT, loan_id):
            state = execute(session, instruction.id, _paid_out)
            counts[state] = counts.get(state, 0) + 1
        session.commit()
        run.progress(number, len(loans))
    if any(open_instructions(session, SUBJECT, loan_id) for loan_id in loans):
        raise OutcomeStillUnknown
    return counts


class OutcomeStillUnknown(Refused):
    """The bank has not said of every transfer how it ended: the job asks again later."""

    code = "outcome_unknown"
    retry = True

    def __init__(self) -> None:
        super().__init__(_l("The bank has not said how every transfer ended yet. It will be asked again."))


def _check_duties(session: Session, actor: Actor, loan_ids: Sequence[int]) -> None:
    deciders = session.scalars(
        select(Application.decided_by)
        .join(Loan, Loan.application_id == Application.id)
        .where(Loan.id.in_(loan_ids))
        .distinct()
    )
    for decider in deciders:
        require_other_person(actor, ("can_disburse", "Loans"), {("can_decide", "Applications"): decider})


def _order_one(session: Session, actor: Actor, subject: Loan, connection_id: int) -> None:
    signed = contract_envelope(session, subject.id).state == EnvelopeState.COMPLETED
    if subject.state != LoanStage.CONTRACTED or not signed:
        raise NotReady(subject.number)
    subject.state = LoanStage.DISBURSING
    _instruct(session, subject, connection_id)
    record(session, actor, "loan.disbursement_ordered", SUBJECT, subject.id)


def _instruct(session: Session, subject: Loan, connection_id: int) -> None:
    attempt = len(instructions_of(session, SUBJECT, subject.id)) + 1
    session.add(
        PaymentInstruction(
            key=f"{current_tenant().id}-{subject.number}-{attempt}",
            connection_id=connection_id,
            subject_type=SUBJECT,
            subject_id=subject.id,
            amount=subject.principal,
            payee_holder=subject.party.name,
            payee_number=subject.party.account_number,
            payee_bank=subject.party.account_bank,
            purpose=f"放款 {subject.number}",
        )
    )
    session.flush()


def _paid_out(session: Session, instruction: PaymentInstruction) -> None:
    """The bank has paid: the loan runs from today's business date."""
    subject = loan(session, instruction.subject_id, lock=True)
    today = business_date(session)
    subject.state, subject.start = LoanStage.ACTIVE, today
    key = f"disbursement:{instruction.key}"
    record_event(session, subject, key=key, kind="disbursement", amount=instruction.amount, value_date=today)
    post(
        session,
        [
            Posting(
                key=key,
                kind="disbursement",
                business_date=today,
                value_date=today,
                source_type=SUBJECT,
                source_id=subject.id,
                memo=subject.number,
                lines=(Line(accounts.LOANS, instruction.amount), Line(accounts.BANK, -instruction.amount)),
            )
        ],
    )
    catch_up(session, subject)
    record(session, SYSTEM, "loan.disbursed", SUBJECT, subject.id, reference=instruction.bank_reference)
    told = {"amount": f"{instruction.amount:.2f}", "value_date": today.isoformat()}
    emit(
        session,
        EventKind.LOAN_DISBURSED,
        subject_type=SUBJECT,
        subject_id=subject.id,
        number=subject.number,
        data=told,
    )


def rejected(instructions: Sequence[PaymentInstruction]) -> PaymentInstruction | None:
    """The newest instruction if the bank rejected it."""
    newest = instructions[-1] if instructions else None
    return newest if newest is not None and newest.state == InstructionState.REJECTED else None
