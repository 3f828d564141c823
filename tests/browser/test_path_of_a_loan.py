"""A company signs up, lends and is paid back, all by hand in the browser; what came of it is looked up elsewhere."""

import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import expect
from tests.browser import servicing
from tests.browser.conftest import Instalment, Staff
from tests.browser.founding import Company
from tests.browser.lending import Loan
from tests.browser.stack import Stack
from tests.browser.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


def test_company_that_signed_up_finds_what_to_do_first(company: Company, admin: Window) -> None:
    expect(admin.page).to_have_title(f"工作台 · {company.name}")


def test_seal_and_bank_are_in_use(admin: Window, account: str) -> None:
    admin.go_to("工作台")
    left = admin.main.locator(".first-steps").get_by_role("link")
    expect(left).to_have_text(["录入上年末净资产", "登记第一位客户"])


def test_staff_see_their_own_work_only(staff: Staff) -> None:
    entries = {
        name: getattr(staff, name).page.get_by_role("navigation", name="主导航").get_by_role("link").all_inner_texts()
        for name in ("officer", "approver", "cashier")
    }
    assert entries == {
        "officer": ["工作台", "客户", "贷款申请", "贷款", "贷款产品"],
        "approver": ["工作台", "客户", "贷款申请", "贷款", "贷款产品"],
        "cashier": ["工作台", "客户", "贷款", "记账凭证", "银行流水"],
    }


def test_application_waits_for_somebody_else(staff: Staff, submitted: Loan) -> None:
    staff.officer.open(submitted.application)
    staff.officer.reads("待审批", "录入人", "陈信")
    staff.officer.shows_no_button("通过")


def test_contract_waits_for_the_borrower(staff: Staff, contracted: Loan) -> None:
    staff.officer.open(contracted.path)
    staff.officer.reads("待签署")
    staff.cashier.open("/loans/disburse")
    staff.cashier.reads("没有待放款的贷款。")


def test_contract_holds_two_good_signatures(staff: Staff, signed: Loan, downloads: Path) -> None:
    file = downloads / "contract.pdf"
    staff.officer.open(signed.path)
    file.write_bytes(staff.officer.content_of("合同"))

    told = subprocess.run(["pdfsig", "-nocert", file], check=True, capture_output=True, text=True).stdout

    assert told.count("Signature Validation: Signature is Valid.") == 2


def test_money_leaves_the_account_once(stack: Stack, account: str, running: Loan) -> None:
    assert stack.bank.account(account)["balance"] == "99880000.00"
    assert stack.bank.account(running.borrower.card)["balance"] == "320000.00"


def test_overview_draws_what_is_outstanding(admin: Window, running: Loan) -> None:
    admin.open("/")
    charts = admin.main.locator("[data-chart][data-drawn]")
    expect(charts).to_have_count(2)
    for chart in charts.all():
        expect(chart.get_by_role("img")).to_be_visible()
        expect(chart.get_by_role("table")).not_to_be_visible()
        chart.get_by_text("查看数据").click()
    expect(charts.first.get_by_role("row", name="正常类")).to_contain_text("120,000.00")
    admin.picture("07-overview")
    # Paper gets the tables and no picture.
    admin.page.emulate_media(media="print")
    expect(charts.first.get_by_role("table")).to_be_visible()
    expect(charts.first.locator(".chart-picture")).not_to_be_visible()
    admin.page.emulate_media(media="screen")


def test_first_instalment_is_paid_a_month_later(staff: Staff, first_instalment: Instalment) -> None:
    assert first_instalment.amount == Decimal("10661.85")
    assert servicing.instalment(staff.cashier, first_instalment.loan, 1) == (first_instalment.day, Decimal(0))
    first = staff.cashier.page.get_by_role("region", name="还款计划").get_by_role("row").nth(1)
    expect(first).to_contain_text("已还")
    staff.cashier.picture("08-first-instalment-paid")


def test_prepayment_closes_the_loan(stack: Stack, account: str, closing_amount: Decimal) -> None:
    # 120,000 at 1 % a month: after 10,661.85 of which 1,200.00 are interest, this principal is left.
    assert closing_amount == Decimal("110538.15")
    assert stack.bank.account(account)["balance"] == "100001200.00"


def test_books_balance(staff: Staff, closing_amount: Decimal) -> None:
    debit, credit = servicing.sums_of_balances(staff.cashier)
    assert debit == credit == Decimal("1200.00")
