"""What can wait for the staff of a microfinance company."""

from datetime import timedelta

from flask_babel import ngettext
from sqlalchemy import Select, func, or_, select

from trilend.db.base import now
from trilend.kinds import WorkItem
from trilend.payments.models import EntryState, InstructionState, PaymentInstruction, StatementEntryRow
from trilend.signing.models import Envelope, EnvelopeState
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.servicing.models import Loan, LoanStage

DECIDE_WITHIN = timedelta(days=3)
PAY_OUT_WITHIN = timedelta(days=2)
ASSIGN_WITHIN = timedelta(days=1)

Count = Select[int]


def _to_decide(user_id: int) -> Count:
    """Applications that somebody else entered."""
    others = or_(Application.created_by.is_(None), Application.created_by != user_id)
    return select(func.count(Application.id)).where(Application.state == ApplicationState.SUBMITTED, others)


def _decide_late(user_id: int) -> Count:
    return _to_decide(user_id).where(Application.created_at < now() - DECIDE_WITHIN)


def _to_contract(_user_id: int) -> Count:
    return select(func.count(Application.id)).where(Application.state == ApplicationState.APPROVED)


def _contract_late(user_id: int) -> Count:
    return _to_contract(user_id).where(Application.decided_at < now() - DECIDE_WITHIN)


def _to_pay_out(_user_id: int) -> Count:
    signed = (Envelope.subject_type == "loan") & (Envelope.subject_id == Loan.id)
    return (
        select(func.count(Loan.id))
        .join(Envelope, signed)
        .where(Loan.state == LoanStage.CONTRACTED, Envelope.state == EnvelopeState.COMPLETED)
    )


def _pay_out_late(user_id: int) -> Count:
    return _to_pay_out(user_id).where(Loan.created_at < now() - PAY_OUT_WITHIN)


def _doubtful(_user_id: int) -> Count:
    """Transfers of which the bank has not said how they ended: money may be under way, so all of them are urgent."""
    return select(func.count(PaymentInstruction.id)).where(PaymentInstruction.state == InstructionState.UNKNOWN)


def _to_assign(_user_id: int) -> Count:
    return select(func.count(StatementEntryRow.id)).where(
        StatementEntryRow.state == EntryState.UNMATCHED, StatementEntryRow.direction == "in"
    )


def _assign_late(user_id: int) -> Count:
    return _to_assign(user_id).where(StatementEntryRow.created_at < now() - ASSIGN_WITHIN)


def _past_due(_user_id: int) -> Count:
    return select(func.count(Loan.id)).where(Loan.state == LoanStage.ACTIVE, Loan.days_past_due > 0)


WORK = (
    WorkItem(
        "decide",
        lambda count: ngettext("%(num)d application to decide", "%(num)d applications to decide", count),
        "gavel",
        ("can_decide", "Applications"),
        "ApplicationsView.overview",
        _to_decide,
        _decide_late,
        {"state": "submitted"},
    ),
    WorkItem(
        "contract",
        lambda count: ngettext("%(num)d contract to send out", "%(num)d contracts to send out", count),
        "signature",
        ("can_add", "Contracts"),
        "ApplicationsView.overview",
        _to_contract,
        _contract_late,
        {"state": "approved"},
    ),
    WorkItem(
        "pay_out",
        lambda count: ngettext("%(num)d loan to pay out", "%(num)d loans to pay out", count),
        "transfer-out",
        ("can_disburse", "Loans"),
        "LoansView.disburse",
        _to_pay_out,
        _pay_out_late,
    ),
    WorkItem(
        "unknown",
        lambda count: ngettext(
            "%(num)d transfer whose end the bank has not told",
            "%(num)d transfers whose end the bank has not told",
            count,
        ),
        "alert-triangle",
        ("can_disburse", "Loans"),
        "LoansView.overview",
        _doubtful,
        _doubtful,
        {"state": "disbursing"},
    ),
    WorkItem(
        "assign",
        lambda count: ngettext("%(num)d receipt to assign", "%(num)d receipts to assign", count),
        "transfer-in",
        ("can_collect", "Loans"),
        "LoansView.collect",
        _to_assign,
        _assign_late,
    ),
    WorkItem(
        "past_due",
        lambda count: ngettext("%(num)d loan past due", "%(num)d loans past due", count),
        "alarm",
        ("can_collect", "Loans"),
        "LoansView.overview",
        _past_due,
        None,
        {"overdue": "yes"},
    ),
)
