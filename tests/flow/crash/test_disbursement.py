"""Invariant 4: every loan of a batch is paid out once, however often the worker is killed on the way."""

import random
import time
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from tests.flow.crash.conftest import Workers
from tests.flow.lending import Lender, disburse, signed_loan, wait_for

from trilend.db.base import now
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import MAX_ATTEMPTS, run_job, sweep
from trilend.ledger.models import Journal, JournalLine
from trilend.payments.models import InstructionState, PaymentInstruction
from trilend_microfinance.servicing.models import Loan, LoanEvent, LoanStage

pytestmark = pytest.mark.slow
_LOANS = 20
_CRASHES = 5
_AMOUNT = Decimal("120000.00")


def test_killed_worker_pays_every_loan_of_a_batch_once(session: Session, lender: Lender, workers: Workers) -> None:
    dice = random.Random(20260801)
    loans = [signed_loan(session, lender, name=f"张{number}") for number in range(_LOANS)]
    before = lender.balance()

    job = disburse(session, lender, loans)
    _kill_while_the_bank_holds_the_answer(session, lender, workers)
    for fault in ("drop_after", "delay", "error_before", "drop_after")[: _CRASHES - 1]:
        lender.bank.clear_faults()
        lender.bank.order_fault(fault, count=2, endpoint="transfers", seconds=0.4)
        # A slow bank gives time to kill in the middle of the batch.
        lender.bank.order_fault("delay", count=2 * _LOANS, endpoint="transfers", seconds=0.15)
        sent = _count(session, PaymentInstruction, PaymentInstruction.state != InstructionState.RECORDED)
        workers.work()
        _wait_for_progress(session, job.id, sent)
        time.sleep(dice.uniform(0, 0.3))
        workers.kill()
    lender.bank.clear_faults()
    workers.work()

    assert wait_for(session, job.id, patience=40, meanwhile=lambda: _let_time_pass(session, job.id)) == JobState.DONE
    assert session.get_one(Job, job.id).attempts >= 4
    assert lender.balance() == before - _LOANS * _AMOUNT
    instructions = session.scalars(select(PaymentInstruction)).all()
    assert sorted(found.subject_id for found in instructions) == sorted(loans)
    assert {found.state for found in instructions} == {InstructionState.SETTLED}
    assert [lender.money_sent(found.key) for found in instructions] == [1] * _LOANS
    assert _booked_out(lender) == sorted(found.key for found in instructions)
    assert _count(session, Loan, Loan.state == LoanStage.ACTIVE) == _LOANS
    assert _per_loan(session, LoanEvent.loan_id, LoanEvent.kind == "disbursement") == dict.fromkeys(loans, 1)
    assert _per_loan(session, Journal.source_id, Journal.kind == "disbursement") == dict.fromkeys(loans, 1)
    _assert_balanced(session)


def test_bank_that_is_away_for_long_leaves_no_transfer_behind(session: Session, lender: Lender) -> None:
    loan_id = signed_loan(session, lender)
    before = lender.balance()
    job = disburse(session, lender, [loan_id])
    lender.bank.order_fault("drop_after", count=1, endpoint="transfers")
    lender.bank.order_fault("error_before", count=2, endpoint="transfers/query")
    # As if as many workers had died with this job as an ordinary failure is given attempts.
    job.attempts = MAX_ATTEMPTS
    session.commit()

    for _ in range(3):
        sweep(run_job, tenants=[lender.tenant])
        session.refresh(job)
        assert (job.state, lender.balance()) == (JobState.QUEUED, before - _AMOUNT)
        job.not_before = now()
        session.commit()
    sweep(run_job, tenants=[lender.tenant])

    session.refresh(job)
    assert job.state == JobState.DONE
    assert lender.balance() == before - _AMOUNT
    assert _count(session, Loan, Loan.state == LoanStage.ACTIVE) == 1


def _kill_while_the_bank_holds_the_answer(session: Session, lender: Lender, workers: Workers) -> None:
    """The bank has moved the money of one loan, and the worker dies before it hears of that."""
    lender.bank.order_fault("delay", count=1, endpoint="transfers", seconds=20.0)
    balance = lender.balance()
    workers.work()
    _wait_until(lambda: lender.balance() < balance, 45)
    workers.kill()

    assert lender.balance() == balance - _AMOUNT
    assert _count(session, PaymentInstruction, PaymentInstruction.state == InstructionState.SENDING) == 1
    assert _count(session, Loan, Loan.state == LoanStage.ACTIVE) == 0


def _let_time_pass(session: Session, job_id: int) -> None:
    """A job that waits before it asks the bank again has waited long enough."""
    session.execute(update(Job).where(Job.id == job_id, Job.state == JobState.QUEUED).values(not_before=now()))
    session.commit()


def _wait_for_progress(session: Session, job_id: int, sent: int) -> None:
    """Wait until the worker has gone on to a further transfer, or none is left that was not begun."""

    def progressed() -> bool:
        _let_time_pass(session, job_id)
        begun = _count(session, PaymentInstruction, PaymentInstruction.state != InstructionState.RECORDED)
        return begun > sent or begun == _LOANS

    _wait_until(progressed, 45)


def _wait_until(done: Any, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _count(session: Session, model: Any, *conditions: Any) -> int:
    found = session.scalar(select(func.count()).select_from(model).where(*conditions)) or 0
    session.rollback()
    return found


def _per_loan(session: Session, column: Any, *conditions: Any) -> dict[int, int]:
    rows = session.execute(select(column, func.count()).where(*conditions).group_by(column))
    return {row[0]: row[1] for row in rows}


def _booked_out(lender: Lender) -> list[str]:
    """The idempotency keys of all money that has left the company's account, as its statement tells them."""
    entries = lender.bank.entries(lender.account)
    return sorted(entry["idempotency_key"] for entry in entries if entry["idempotency_key"])


def _assert_balanced(session: Session) -> None:
    sides = func.sum(JournalLine.debit), func.sum(JournalLine.credit)
    unbalanced = session.execute(
        select(JournalLine.journal_id).group_by(JournalLine.journal_id).having(sides[0] != sides[1])
    ).all()
    assert unbalanced == []
    debits, credits = session.execute(select(*sides)).one()
    assert debits == credits >= _LOANS * _AMOUNT
