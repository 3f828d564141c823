"""A company on trial works through sandbox banks only: to a real bank no instruction leaves."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.flow.lending import Lender, finish, signed_loan

from trilend.config import settings
from trilend.jobs.models import JobState
from trilend.payments.models import InstructionState, PaymentInstruction
from trilend.payments.service import execute, instructions_of
from trilend.plugin_host.connections import active_connection
from trilend.plugin_host.dispatcher import call, target
from trilend.plugin_host.errors import RealMoneyOnTrial
from trilend.tenancy.context import RegistrySession, bound, tenant_session
from trilend.tenancy.lifecycle.moves import UNVERIFY, VERIFY, Move
from trilend.tenancy.lifecycle.service import By, make_move
from trilend.tenancy.service import tenant_by_id
from trilend_microfinance.disbursement.service import order
from trilend_microfinance.servicing.models import Loan, LoanStage
from trilend_sdk.bank import BankAccount, TransferOrder, TransferResult


def leads_to_a_real_bank(session: Session) -> None:
    """The connection's address is no sandbox's; nothing answers there, which none of these tests gets to see."""
    connection = active_connection(session, "bank")
    connection.config = dict(connection.config) | {"base_url": "https://api.bank.invalid"}
    session.commit()


def move(tenant: Any, wanted: Move) -> Any:
    with RegistrySession() as registry:
        make_move(registry, tenant.id, wanted, By("王审", 7), reason="核查")
        registry.commit()
    return tenant_by_id(tenant.id)


def test_on_trial_a_disbursement_through_a_real_bank_is_refused_before_it_is_recorded(
    session: Session, lender: Lender
) -> None:
    loan_id = signed_loan(session, lender)
    leads_to_a_real_bank(session)

    with pytest.raises(RealMoneyOnTrial):
        order(session, lender.cashier, [loan_id])
    session.rollback()

    assert list(instructions_of(session, "loan", loan_id)) == []
    assert session.get_one(Loan, loan_id).state == LoanStage.CONTRACTED


def test_what_was_ordered_before_the_verification_was_taken_back_does_not_leave(
    session: Session, lender: Lender, run_jobs: Callable[[], int]
) -> None:
    loan_id = signed_loan(session, lender)
    leads_to_a_real_bank(session)
    verified = move(lender.tenant, VERIFY)
    with bound(verified):
        job = order(tenant_session(), lender.cashier, [loan_id])
        tenant_session.commit()
        job_id = job.id
    move(lender.tenant, UNVERIFY)

    assert finish(session, session.get_one(type(job), job_id)) == JobState.FAILED
    instruction = session.scalars(select(PaymentInstruction).where(PaymentInstruction.subject_id == loan_id)).one()
    assert (instruction.state, instruction.sent_at) == (InstructionState.RECORDED, None)
    assert lender.money_sent(instruction.key) == 0
    with pytest.raises(RealMoneyOnTrial):
        execute(session, instruction.id, lambda *_: None)


def test_the_dispatcher_itself_lets_no_transfer_through(session: Session, lender: Lender) -> None:
    leads_to_a_real_bank(session)
    where = target(session, active_connection(session, "bank"))
    wanted = TransferOrder(
        idempotency_key="x-0000001",
        amount=Decimal("1.00"),
        payee=BankAccount(holder="曾丽", number="62220001"),
        purpose="放款",
    )
    with pytest.raises(RealMoneyOnTrial):
        call(where, "bank_transfer", TransferResult, order=wanted)


def test_hosts_that_the_operator_names_are_sandboxes(
    session: Session, lender: Lender, monkeypatch: pytest.MonkeyPatch
) -> None:
    loan_id = signed_loan(session, lender)
    leads_to_a_real_bank(session)
    monkeypatch.setenv("TRILEND_SANDBOX_HOSTS", '["api.bank.invalid"]')
    settings.cache_clear()
    try:
        order(session, lender.cashier, [loan_id])
        assert len(instructions_of(session, "loan", loan_id)) == 1
    finally:
        session.rollback()
        monkeypatch.undo()
        settings.cache_clear()


def test_a_verified_company_may_order_through_a_real_bank(session: Session, lender: Lender) -> None:
    loan_id = signed_loan(session, lender)
    leads_to_a_real_bank(session)
    with bound(move(lender.tenant, VERIFY)):
        order(tenant_session(), lender.cashier, [loan_id])
        assert len(instructions_of(tenant_session(), "loan", loan_id)) == 1
