"""The sample workbook: 200 applications imported, taken to active loans, and through 90 days with repayments."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from tests.flow.lending import SAMPLE_WORKBOOK, Lender, disburse, finish, import_sample, sign_as_borrower
from tests.numbers import new_card, new_resident_id

from trilend.audit.service import SYSTEM
from trilend.documents.service import content_of, document
from trilend.jobs.models import Job, JobState
from trilend.ledger.models import JournalLine
from trilend.ledger.service import balances
from trilend.parameters.service import business_date, set_parameter, start_business_on
from trilend.parties.models import Party
from trilend_microfinance import accounts
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.applications.tasks import order_approvals, order_contracts
from trilend_microfinance.end_of_day.service import close_day
from trilend_microfinance.importing.service import begin_import, import_applications
from trilend_microfinance.importing.workbook import COLUMNS, REASON
from trilend_microfinance.repayments.service import order_collection
from trilend_microfinance.servicing.models import Loan, LoanEvent, LoanStage

_DAYS = 90


def counted(session: Session, model: Any) -> int:
    return session.scalar(select(func.count()).select_from(model)) or 0


def workbook(*rows: tuple[Any, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    sheet.append(COLUMNS)
    for row in rows:
        sheet.append(row)
    content = BytesIO()
    book.save(content)
    return content.getvalue()


def row(number: str, **changes: Any) -> tuple[Any, ...]:
    cells = dict(
        zip(
            COLUMNS,
            (
                number,
                "个人",
                "张三",
                new_resident_id(),
                "13912345678",
                "",
                10000,
                12,
                "等额本息",
                12,
                "经营",
                new_card(),
                "2026-08-01",
            ),
            strict=True,
        )
    )
    return tuple((cells | changes).values())


def test_188_rows_come_in_and_12_go_back_each_with_its_reason(session: Session, lender: Lender) -> None:
    batch = begin_import(session, lender.officer, file_name="applicants.xlsx", content=SAMPLE_WORKBOOK.read_bytes())
    session.commit()
    assert finish(session, session.get_one(Job, batch.job_id)) == JobState.DONE
    session.refresh(batch)
    assert (batch.imported, batch.known, batch.rejected) == (188, 0, 12)
    assert counted(session, Application) == 188
    assert session.scalar(select(func.sum(Application.amount))) == Decimal(42_080_000)
    returned = load_workbook(BytesIO(content_of(document(session, batch.rejected_document_id)))).active
    names = [cell.value for cell in returned[1]]
    reasons = {
        line[names.index("申请编号")]: line[names.index(REASON)]
        for line in returned.iter_rows(min_row=2, values_only=True)
    }
    assert returned.max_row == 1 + 12
    assert all(reasons.values())
    assert names[: len(COLUMNS)] == list(COLUMNS)


def test_a_second_import_duplicates_nothing(session: Session, lender: Lender) -> None:
    assert import_sample(session, lender).imported == 188
    parties, applications = counted(session, Party), counted(session, Application)
    again = import_sample(session, lender)
    assert (again.imported, again.known, len(again.rejected)) == (0, 188 + 1, 11)
    assert (counted(session, Party), counted(session, Application)) == (parties, applications)


def test_a_single_wrong_check_digit_goes_back(session: Session, lender: Lender) -> None:
    wrong = new_resident_id()
    wrong = wrong[:-1] + ("1" if wrong[-1] != "1" else "2")
    outcome = import_applications(session, lender.officer, workbook(row("A1"), row("A2", 证件号码=wrong)))
    assert (outcome.imported, outcome.doubtful, len(outcome.rejected)) == (1, 0, 1)
    assert outcome.rejected[0][0].cells["申请编号"] == "A2"


def test_rare_characters_come_in_and_go_out_unchanged(session: Session, lender: Lender) -> None:
    import_sample(session, lender)
    rare = session.scalars(select(Party.name).where(Party.name.op("~")("[䶮𬭎㛃]"))).all()
    assert {"唐䶮", "宋𬭎", "陈㛃"} <= set(rare)


def test_a_row_that_begins_like_a_formula_comes_back_as_text(session: Session, lender: Lender) -> None:
    outcome = import_applications(
        session, lender.officer, workbook(row("A1", **{"姓名/企业名称": "@SUM(A1)", "期限(月)": 0}))
    )
    sheet = load_workbook(BytesIO(outcome.rejected_workbook)).active
    assert sheet["C2"].data_type == "s"
    assert str(sheet["C2"].value).startswith("'@")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_batch_goes_to_active_loans_and_through_90_days(session: Session, lender: Lender) -> None:
    begin = business_date(session) - timedelta(days=_DAYS)
    start_business_on(session, begin)
    for name, value, unit in (("net_assets", 300_000_000, "CNY"), ("reading_seconds", 0, "seconds")):
        set_parameter(session, SYSTEM, name=name, value=Decimal(value), unit=unit, effective_from=begin)
    import_sample(session, lender)
    ids = list(session.scalars(select(Application.id).order_by(Application.id)))

    # approval: sixteen flat loans cost more than 24 % a year, and the rule is named
    job = order_approvals(session, lender.approver, ids)
    session.commit()
    assert finish(session, job) == JobState.DONE
    result = session.get_one(Job, job.id).result
    assert (result["done"], len(result["refused"])) == (172, 16)
    assert {refusal["code"] for refusal in result["refused"].values()} == {"limit_exceeded"}
    blocked = session.scalars(select(Application).where(Application.block_rule == "all_in_cost")).all()
    assert len(blocked) == 16
    assert all("24.00" in application.decision_note for application in blocked)

    # contracts, signatures, money
    approved = list(session.scalars(select(Application.id).where(Application.state == ApplicationState.APPROVED)))
    job = order_contracts(session, lender.officer, approved)
    session.commit()
    assert finish(session, job, patience=300) == JobState.DONE
    loans = list(session.scalars(select(Loan.id).order_by(Loan.id)))
    assert len(loans) == 172
    for party in session.scalars(select(Party).join(Loan, Loan.party_id == Party.id).distinct()):
        lender.bank.open_account(party.name, balance="2000000.00", number=party.account_number, bank_name="示范银行")
    for loan_id in loans:
        sign_as_borrower(session, loan_id)
    before = lender.balance()
    lender.bank.set_book_date(business_date(session))
    assert finish(session, disburse(session, lender, loans), patience=300) == JobState.DONE
    lent = session.scalar(select(func.sum(Loan.principal)))
    assert Counter(session.scalars(select(Loan.state))) == {LoanStage.ACTIVE: 172}
    assert before - lender.balance() == lent == balances(session)[accounts.LOANS]

    # ninety days: nine in ten pay on the day, the others not at all
    silent = set(loans[::10])
    received = Decimal(0)
    for _ in range(_DAYS):
        day = business_date(session)
        due = session.scalars(select(Loan).where(Loan.due_total > 0, Loan.id.not_in(silent), Loan.as_of == day)).all()
        for subject in due:
            payer = session.get_one(Party, subject.party_id).account_number
            lender.bank.pay_in(
                {"number": payer},
                {"number": lender.account},
                str(subject.due_total),
                f"还款 {subject.number}",
                booked_on=day,
            )
            received += subject.due_total
        if due:
            job = order_collection(session, lender.cashier)
            session.commit()
            assert finish(session, job) == JobState.DONE
        report = close_day(session, day)
        assert (report.closed, report.failed) == (True, [])

    # then the books agree with the loans, the bank with the books, and debits with credits
    found = balances(session)
    running = Loan.state == LoanStage.ACTIVE
    assert found[accounts.LOANS] == session.scalar(select(func.sum(Loan.principal_outstanding)))
    assert found[accounts.BANK] == received - lent == lender.balance() - before
    assert found.get(accounts.BORROWERS_MONEY, Decimal(0)) == -session.scalar(select(func.sum(Loan.unapplied)))
    assert session.scalar(select(func.sum(LoanEvent.amount)).where(LoanEvent.kind == "repayment")) == received
    debit, credit = session.execute(select(func.sum(JournalLine.debit), func.sum(JournalLine.credit))).one()
    assert debit == credit
    late = session.scalars(select(Loan).where(running, Loan.days_past_due > 0)).all()
    assert {subject.id for subject in late} <= silent
    assert late
    assert {subject.tier for subject in late} <= {"special_mention", "substandard"}
