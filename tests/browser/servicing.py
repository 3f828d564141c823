"""How a loan is paid back, page by page: the first instalment, then a prepayment that closes it."""

from datetime import date, timedelta
from decimal import Decimal

from playwright.sync_api import expect
from tests.browser.founding import Company
from tests.browser.lending import Loan
from tests.browser.window import Window


def business_date(window: Window) -> date:
    """The business date as the top of the page tells it."""
    return date.fromisoformat(window.page.locator(".business-date time").inner_text())


def instalment(window: Window, loan: Loan, number: int) -> tuple[date, Decimal]:
    """When an instalment is due and what is left of it, as the schedule tells."""
    window.open(loan.path)
    cells = window.page.get_by_role("region", name="还款计划").get_by_role("row").nth(number).get_by_role("cell")
    return date.fromisoformat(cells.nth(1).inner_text()), yuan(cells.nth(6).inner_text())


def yuan(text: str) -> Decimal:
    """An amount as pages write it."""
    return Decimal(text.replace(",", "").replace("元", "").strip())


def live_until(company: Company, day: date) -> None:
    """Close the days before this one, so that it is the business date."""
    company.stack.close_days(company.slug, day - timedelta(days=1))
    company.stack.bank.set_book_date(day)


def pay_in(company: Company, account: str, loan: Loan, amount: Decimal, day: date) -> None:
    """The borrower transfers money to the company's account, naming the loan."""
    payer, payee = {"number": loan.borrower.card}, {"number": account}
    company.stack.bank.pay_in(payer, payee, str(amount), f"还款 {loan.number}", booked_on=day)


def collect(cashier: Window, name: str) -> None:
    """The cashier reads the bank's statement and has one receipt assigned."""
    cashier.go_to("贷款")
    cashier.follow("收取还款")
    cashier.press("读取并入账")
    cashier.reads("入账 1 笔。")
    cashier.picture(name)
    cashier.follow("返回列表")


def agree_to_close(officer: Window, loan: Loan) -> Decimal:
    """The officer agrees with the borrower what closes the loan today; returns the amount (yuan)."""
    officer.open(loan.path)
    officer.follow("提前还款")
    officer.reads("结清金额", "应付合计")
    total = officer.main.locator(".fact").filter(has_text="应付合计").locator(".money-value").inner_text()
    officer.main.get_by_role("radio", name="全部结清").check()
    officer.picture("09-prepayment")
    officer.press("约定")
    officer.reads("已约定提前还款：", total)
    officer.picture("09-prepayment-agreed")
    return yuan(total)


def see_settled(cashier: Window, loan: Loan) -> None:
    """The list and the loan itself say that nothing is left."""
    expect(cashier.row(loan.number)).to_contain_text("已结清")
    cashier.row(loan.number).get_by_role("link").first.click()
    cashier.reads("已结清")
    cashier.picture("09-settled")


def sums_of_balances(cashier: Window) -> tuple[Decimal, Decimal]:
    """All debit and all credit balances as the page shows them."""
    cashier.go_to("记账凭证")
    cashier.picture("09-journals")
    cashier.follow("科目余额")
    cashier.picture("09-balances")
    table = cashier.page.get_by_role("region", name="科目余额")
    table.wait_for()
    rows = table.locator("tbody tr").all()
    cells = [row.locator("td").all_inner_texts() for row in rows]
    debit, credit = (sum((yuan(row[at]) for row in cells if row[at] != "—"), Decimal(0)) for at in (2, 3))
    return debit, credit
