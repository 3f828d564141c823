"""The life of a loan, from application to settlement, through the services its staff use."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from tests.flow.lending import (
    Lender,
    active_loan,
    contract,
    disburse,
    finish,
    new_application,
    new_borrower,
    repay,
    sign_as_borrower,
    signed_loan,
)

from trilend.audit.service import SYSTEM
from trilend.errors import NotFound
from trilend.jobs.models import JobState
from trilend.jobs.service import enqueue_for_all
from trilend.ledger.models import Journal, JournalLine
from trilend.ledger.service import balances
from trilend.parameters.models import BusinessDay
from trilend.parameters.service import business_date
from trilend.payments.models import InstructionState, PaymentInstruction
from trilend.payments.service import instructions_of
from trilend_microfinance import accounts
from trilend_microfinance.applications.errors import LimitExceeded, SecondPersonNeeded
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.applications.service import approve
from trilend_microfinance.end_of_day.service import close_day
from trilend_microfinance.repayments.service import (
    agree_prepayment,
    order_collection,
    receive_by_hand,
    set_aside,
    unassigned,
)
from trilend_microfinance.servicing.models import Loan, LoanEvent, LoanStage
from trilend_microfinance.servicing.service import loan, state_of


def close_days(session: Session, days: int) -> None:
    for _ in range(days):
        assert close_day(session, business_date(session)).closed


def collect(session: Session, lender: Lender) -> None:
    job = order_collection(session, lender.cashier)
    session.commit()
    assert finish(session, job) == JobState.DONE


def books_balance(session: Session) -> bool:
    debit, credit = session.execute(select(func.sum(JournalLine.debit), func.sum(JournalLine.credit))).one()
    return debit == credit


def fingerprint(session: Session) -> str:
    """A digest of everything that end of day may touch."""
    tables = ("loan", "loan_event", "journal", "journal_line", "business_day", "audit_entry")
    parts = [
        f"(SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} t)" for table in tables
    ]
    return str(session.execute(text(f"SELECT {' || '.join(parts)}")).scalar_one())


def test_a_loan_goes_from_application_to_settlement(session: Session, lender: Lender) -> None:
    # given an application of 120,000 yuan at 12 % over 12 months, level payment
    before = lender.balance()
    loan_id = active_loan(session, lender)
    start = business_date(session)
    subject = loan(session, loan_id)
    assert (subject.state, subject.start, subject.principal_outstanding) == (
        LoanStage.ACTIVE,
        start,
        Decimal("120000.00"),
    )
    assert lender.balance() == before - Decimal("120000.00")
    assert balances(session)[accounts.LOANS] == Decimal("120000.00")
    assert balances(session)[accounts.BANK] == Decimal("-120000.00")

    # when a month has passed, a month's interest has been earned and the first instalment is due
    first_due = state_of(session, subject).schedule[0].due
    close_days(session, (first_due - start).days)
    session.refresh(subject)
    assert (subject.due_total, subject.days_past_due, subject.tier) == (Decimal("10661.85"), 0, "pass")
    assert balances(session)[accounts.INTEREST_INCOME] == Decimal("-1200.00")

    # and when it is not paid for ten days, penalty runs at one and a half times the rate on the overdue principal
    close_days(session, 10)
    session.refresh(subject)
    assert (subject.days_past_due, subject.tier) == (10, "special_mention")
    penalty = Decimal("47.31")  # 9,461.85 × 0.18 / 360 × 10
    assert subject.overdue_total == Decimal("10661.85") + penalty

    # then a repayment found in the bank's statement brings the loan up to date
    repay(session, lender, loan_id, str(Decimal("10661.85") + penalty), booked_on=business_date(session))
    collect(session, lender)
    session.refresh(subject)
    assert (subject.overdue_total, subject.days_past_due, subject.unapplied) == (0, 0, 0)
    assert subject.principal_outstanding == Decimal("120000.00") - Decimal("9461.85")
    assert balances(session)[accounts.BORROWERS_MONEY] == 0
    assert balances(session)[accounts.PENALTY_RECEIVABLE] == 0

    # and an agreed prepayment closes it
    agreed = agree_prepayment(
        session, lender.officer, loan_id, effect="settle", amount=None, value_date=business_date(session)
    )
    session.commit()
    repay(session, lender, loan_id, str(agreed.amount), booked_on=business_date(session))
    collect(session, lender)
    session.refresh(subject)
    assert (subject.state, subject.principal_outstanding) == (LoanStage.SETTLED, 0)
    found = balances(session)
    for code in (accounts.LOANS, accounts.INTEREST_RECEIVABLE, accounts.PENALTY_RECEIVABLE, accounts.BORROWERS_MONEY):
        assert found[code] == 0
    assert found[accounts.LOSS_ALLOWANCE] == 0
    assert found[accounts.BANK] == -(found[accounts.INTEREST_INCOME] + found[accounts.PENALTY_INCOME])
    assert books_balance(session)


def test_who_enters_an_application_may_not_decide_it(session: Session, lender: Lender) -> None:
    application = new_application(session, lender, new_borrower(session, lender))
    with pytest.raises(SecondPersonNeeded):
        approve(session, lender.officer, application.id)
    session.rollback()
    assert session.get_one(Application, application.id).state == ApplicationState.SUBMITTED
    with pytest.raises(DBAPIError):
        session.execute(text("UPDATE loan_application SET decided_by = created_by"))


def test_a_tenth_of_net_assets_is_the_limit_for_one_borrower(session: Session, lender: Lender) -> None:
    party = new_borrower(session, lender)
    first = new_application(session, lender, party, amount=Decimal(10_000_000))
    approve(session, lender.approver, first.id)
    session.commit()
    for amount in (10_000_000, 10_000_000):
        approve(session, lender.approver, new_application(session, lender, party, amount=Decimal(amount)).id)
        session.commit()
    one_more = new_application(session, lender, party, amount=Decimal("1000.00"))
    with pytest.raises(LimitExceeded) as refused:
        approve(session, lender.approver, one_more.id)
    session.rollback()
    assert refused.value.check.rule == "single_borrower"
    assert refused.value.check.cap == Decimal(30_000_000)
    assert "金规〔2024〕26号" in str(refused.value)
    assert session.get_one(Application, one_more.id).state == ApplicationState.SUBMITTED


def test_a_flat_loan_at_24_percent_costs_more_than_the_law_allows(session: Session, lender: Lender) -> None:
    application = new_application(
        session, lender, new_borrower(session, lender), method="flat", annual_rate=Decimal("0.24")
    )
    with pytest.raises(LimitExceeded) as refused:
        approve(session, lender.approver, application.id)
    assert refused.value.check.rule == "all_in_cost"
    assert "综合融资成本" in str(refused.value)


@pytest.mark.parametrize("method", ["annuity", "equal_principal", "interest_only", "bullet"])
def test_24_percent_exactly_is_allowed(session: Session, lender: Lender, method: str) -> None:
    application = new_application(
        session, lender, new_borrower(session, lender), method=method, annual_rate=Decimal("0.24")
    )
    assert approve(session, lender.approver, application.id).state == ApplicationState.APPROVED


def test_closing_a_day_twice_changes_nothing(session: Session, lender: Lender) -> None:
    active_loan(session, lender)
    day = business_date(session)
    assert close_day(session, day).journals > 0
    after_once = fingerprint(session)
    again = close_day(session, day)
    assert (again.closed, again.loans, again.journals) == (False, 0, 0)
    assert fingerprint(session) == after_once


def test_a_loan_that_fails_keeps_its_error_and_does_not_stop_the_others(session: Session, lender: Lender) -> None:
    broken, sound = active_loan(session, lender, name="李四"), active_loan(session, lender)
    session.execute(text("UPDATE loan SET day_count = 'no_such' WHERE id = :id"), {"id": broken})
    session.commit()
    day = business_date(session)
    report = close_day(session, day)
    assert (report.closed, report.loans) == (True, 1)
    assert report.failed == [loan(session, broken).number]
    assert loan(session, broken).error
    assert loan(session, sound).as_of == day + timedelta(days=1)
    # and once mended it catches itself up, the days it missed included
    session.execute(text("UPDATE loan SET day_count = 'thirty_360' WHERE id = :id"), {"id": broken})
    session.commit()
    close_days(session, 1)
    mended, other = loan(session, broken), loan(session, sound)
    assert (mended.as_of, mended.error) == (other.as_of, "")
    assert mended.posted_interest == other.posted_interest


def test_a_receipt_dated_back_posts_the_difference(session: Session, lender: Lender) -> None:
    loan_id = active_loan(session, lender)
    subject = loan(session, loan_id)
    due = state_of(session, subject).schedule[0].due
    close_days(session, (due - business_date(session)).days + 20)
    session.refresh(subject)
    assert balances(session)[accounts.PENALTY_INCOME] < 0
    # the money had been at the bank on the due date; the statement is read only now
    repay(session, lender, loan_id, "10661.85", booked_on=due)
    collect(session, lender)
    session.refresh(subject)
    assert (subject.days_past_due, subject.overdue_total) == (0, 0)
    assert balances(session)[accounts.PENALTY_INCOME] == 0
    assert balances(session)[accounts.PENALTY_RECEIVABLE] == 0
    assert books_balance(session)


def test_money_that_names_no_loan_waits_to_be_assigned_by_hand(session: Session, lender: Lender) -> None:
    loan_id = active_loan(session, lender)
    stranger = lender.bank.open_account("路人甲", balance="5000.00")
    lender.bank.pay_in({"number": stranger["number"]}, {"number": lender.account}, "500.00", "不知道")
    collect(session, lender)
    (entry,) = [found for found in unassigned(session) if found.remark == "不知道"]
    receive_by_hand(session, lender.cashier, loan_id, entry.id)
    session.commit()
    assert loan(session, loan_id).unapplied == Decimal("500.00")
    collect(session, lender)  # reading again finds nothing new
    assert session.scalar(select(func.count()).select_from(LoanEvent).where(LoanEvent.kind == "repayment")) == 1


def test_an_answer_that_is_lost_is_asked_for_and_never_sent_again_blind(session: Session, lender: Lender) -> None:
    loan_id = signed_loan(session, lender)
    lender.bank.order_fault("drop_after", 1, "transfers")
    assert finish(session, disburse(session, lender, [loan_id])) == JobState.DONE
    (instruction,) = instructions_of(session, "loan", loan_id)
    assert instruction.state == InstructionState.SETTLED
    assert lender.money_sent(instruction.key) == 1
    assert loan(session, loan_id).state == LoanStage.ACTIVE
    assert balances(session)[accounts.BANK] == Decimal("-120000.00")


def test_an_order_the_bank_never_got_is_sent_under_the_same_key(session: Session, lender: Lender) -> None:
    loan_id = signed_loan(session, lender)
    lender.bank.order_fault("error_before", 1, "transfers")
    assert finish(session, disburse(session, lender, [loan_id])) == JobState.DONE
    (instruction,) = instructions_of(session, "loan", loan_id)
    assert (instruction.state, lender.money_sent(instruction.key)) == (InstructionState.SETTLED, 1)


def test_a_transfer_the_bank_rejects_leaves_the_loan_unpaid_and_says_why(
    session: Session, lender: Lender, tenant: Any
) -> None:
    loan_id = signed_loan(session, lender, name="王五")
    session.execute(text("UPDATE payment_instruction SET payee_holder = payee_holder"))
    session.execute(text("UPDATE party SET name = '别人'"))  # the account is in another name
    session.commit()
    assert finish(session, disburse(session, lender, [loan_id])) == JobState.DONE
    (instruction,) = instructions_of(session, "loan", loan_id)
    assert instruction.state == InstructionState.REJECTED
    assert "户名" in instruction.reason
    assert loan(session, loan_id).state == LoanStage.DISBURSING
    assert session.scalar(select(func.count()).select_from(Journal)) == 0


def test_a_loan_is_not_paid_out_before_all_have_signed(session: Session, lender: Lender) -> None:
    loan_id = contract(session, lender, new_application(session, lender, new_borrower(session, lender)).id)
    with pytest.raises(Exception, match=loan(session, loan_id).number):
        disburse(session, lender, [loan_id])
    session.rollback()
    assert session.scalar(select(func.count()).select_from(PaymentInstruction)) == 0
    sign_as_borrower(session, loan_id)
    assert finish(session, disburse(session, lender, [loan_id])) == JobState.DONE


def test_an_order_for_many_is_all_or_nothing(session: Session, lender: Lender) -> None:
    ready = signed_loan(session, lender)
    unsigned = contract(session, lender, new_application(session, lender, new_borrower(session, lender, "赵六")).id)
    with pytest.raises(Exception, match=loan(session, unsigned).number):
        disburse(session, lender, [ready, unsigned])
    session.rollback()
    assert session.scalar(select(func.count()).select_from(PaymentInstruction)) == 0
    assert loan(session, ready).state == LoanStage.CONTRACTED


def test_a_settlement_that_comes_a_day_late_is_a_repayment(session: Session, lender: Lender) -> None:
    loan_id = active_loan(session, lender)
    today = business_date(session)
    agreed = agree_prepayment(session, lender.officer, loan_id, effect="settle", amount=None, value_date=today)
    session.commit()
    close_days(session, 1)
    repay(session, lender, loan_id, str(agreed.amount), booked_on=today + timedelta(days=1))
    collect(session, lender)
    subject = loan(session, loan_id)
    assert (subject.state, subject.unapplied) == (LoanStage.ACTIVE, agreed.amount)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE journal SET total = total + 1",
        "DELETE FROM journal_line",
        "UPDATE loan_event SET amount = 1",
        "DELETE FROM audit_entry",
        "UPDATE signature SET certificate_subject = 'x'",
        "DELETE FROM document",
    ],
)
def test_history_cannot_be_changed(session: Session, lender: Lender, change: str) -> None:
    active_loan(session, lender)
    with pytest.raises(DBAPIError):
        session.execute(text(change))
    session.rollback()


def test_a_journal_that_does_not_balance_is_refused_by_the_database(session: Session, lender: Lender) -> None:
    def insert_journal(lines: list[tuple[str, int, int]], total: int = 100) -> None:
        session.add(
            Journal(
                key="by hand",
                kind="test",
                business_date=date(2026, 11, 23),
                value_date=date(2026, 11, 23),
                source_type="test",
                source_id=1,
                total=Decimal(total),
            )
        )
        session.flush()
        journal_id = session.scalars(select(Journal.id).where(Journal.key == "by hand")).one()
        for number, (account, debit, credit) in enumerate(lines, start=1):
            session.add(
                JournalLine(
                    journal_id=journal_id,
                    number=number,
                    account_code=account,
                    debit=Decimal(debit),
                    credit=Decimal(credit),
                )
            )
        session.commit()

    for lines in ([("1002", 100, 0), ("6011", 0, 99)], [("1002", 100, 0)], [], [("1002", 99, 0), ("6011", 0, 99)]):
        with pytest.raises(DBAPIError):
            insert_journal(lines)
        session.rollback()
    assert session.scalar(select(func.count()).select_from(Journal)) == 0
    insert_journal([("1002", 100, 0), ("6011", 0, 100)])
    # and nothing can be added to it afterwards, balanced or not
    journal_id = session.scalars(select(Journal.id)).one()
    session.add(JournalLine(journal_id=journal_id, number=3, account_code="1002", debit=Decimal(1), credit=Decimal(0)))
    session.add(JournalLine(journal_id=journal_id, number=4, account_code="6011", debit=Decimal(0), credit=Decimal(1)))
    with pytest.raises(DBAPIError):
        session.commit()
    session.rollback()


def test_every_loan_row_tells_what_its_events_say(session: Session, lender: Lender) -> None:
    loan_id = active_loan(session, lender)
    close_days(session, 3)
    subject: Loan = loan(session, loan_id)
    state = state_of(session, subject)
    assert subject.principal_outstanding == state.principal_outstanding
    assert subject.posted_interest == state.interest_accrued_to_date == Decimal("120.00")
    assert SYSTEM.user_id is None


def test_every_night_the_days_that_are_over_are_closed(
    session: Session, lender: Lender, run_jobs: Callable[[], int]
) -> None:
    active_loan(session, lender)
    day = business_date(session)
    last = day + timedelta(days=2)
    for _ in range(2):  # sent twice, done once
        enqueue_for_all("parameters.close_days", {"last": last.isoformat()})
    # Every company of the installation closes its days now: no transaction of this test lies open meanwhile.
    session.rollback()
    run_jobs()
    session.expire_all()
    assert business_date(session) == last + timedelta(days=1)
    assert session.get_one(BusinessDay, 1).closed_days == 3


def test_capital_paid_in_is_set_aside_and_never_booked_on_a_loan(session: Session, lender: Lender) -> None:
    collect(session, lender)
    (opening,) = unassigned(session)
    set_aside(session, lender.cashier, opening.id)
    session.commit()
    assert unassigned(session) == []
    with pytest.raises(NotFound):
        set_aside(session, lender.cashier, opening.id + 1000)
    assert balances(session) == {}
