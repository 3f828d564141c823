"""A machine with the whole platform, and the path of one loan on it: each step is walked once, by whoever asks first."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright
from tests.browser import founding, lending, servicing
from tests.browser.founding import Company
from tests.browser.lending import Loan
from tests.browser.stack import Stack
from tests.browser.window import ARTEFACTS, FLAGS, Window
from tests.flow.one_machine.machine import Machine


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine."""
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stack(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """`trilend up` on a fresh folder."""
    folder = tmp_path_factory.mktemp("browser")
    # The database server runs as a user of its own, who has to reach its folder.
    for place in (folder, folder.parent):
        place.chmod(0o755)
    machine = Machine(folder / "home")
    machine.start("--no-demo")
    yield Stack(machine, chromium)
    machine.end()


@pytest.fixture(autouse=True)
def _no_complaints(request: pytest.FixtureRequest, stack: Stack) -> Iterator[None]:
    """After each test: nothing that the browser complained of; what is on the screens stays if the test failed."""
    yield
    complaints = stack.complaints.take()
    if complaints:
        pytest.fail("the browser complained:\n" + "\n".join(complaints))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Keep a picture of every window when a test fails."""
    report = yield
    chromium = getattr(item, "funcargs", {}).get("chromium")
    if report.failed and chromium is not None:
        ARTEFACTS.mkdir(exist_ok=True)
        pages = [page for context in chromium.contexts for page in context.pages]
        for number, page in enumerate(pages, start=1):
            page.screenshot(path=ARTEFACTS / f"failed-{item.name}-{report.when}-{number}.png", full_page=True)
    return report


@pytest.fixture(scope="session")
def company(stack: Stack) -> Company:
    """A microfinance company that has signed up on the public site."""
    return founding.sign_up(stack)


@pytest.fixture(scope="session")
def admin(company: Company) -> Window:
    """The administrator, who sees what there is to do first."""
    window = company.sign_in("admin")
    window.reads("开业准备", "设置公司电子印章", "接入银行账户", "录入上年末净资产", "登记第一位客户")
    window.picture("01-overview-first-steps")
    return window


@dataclass(frozen=True)
class Staff:
    """The windows of those who lend."""

    officer: Window
    approver: Window
    cashier: Window


@pytest.fixture(scope="session")
def account(admin: Window, company: Company) -> str:
    """The number of the company's account at the sandbox bank, connected with the seal."""
    founding.connect_seal(admin)
    return founding.connect_bank(admin, company)


@pytest.fixture(scope="session")
def staff(admin: Window, account: str, company: Company) -> Staff:
    """Officer, approver and cashier, signed in at a company that is ready to lend."""
    founding.set_figure(admin, "上年末净资产", "300,000,000", "审计报告")
    founding.set_figure(admin, "成本表最短阅读时间（秒）", "2", "内部决定")
    admin.picture("03-parameters")
    founding.add_staff(admin)
    for username in founding.STAFF:
        founding.begin_work(company, username)
    return Staff(*(company.sign_in(username) for username in founding.STAFF))


@pytest.fixture(scope="session")
def submitted(staff: Staff, company: Company) -> Loan:
    """An application over 120,000 yuan for 12 months at 12 %, level payments."""
    return lending.submit_application(staff.officer, lending.record_customer(staff.officer, company))


@pytest.fixture(scope="session")
def contracted(staff: Staff, submitted: Loan) -> Loan:
    """The same approved, with a contract that waits for the borrower."""
    lending.approve(staff.approver, submitted)
    return lending.make_contract(staff.officer, submitted)


@pytest.fixture(scope="session")
def signed(company: Company, contracted: Loan) -> Loan:
    """The same with the borrower's signature."""
    lending.sign(company, contracted)
    return contracted


@pytest.fixture(scope="session")
def running(staff: Staff, signed: Loan) -> Loan:
    """The same paid out."""
    lending.pay_out(staff.cashier, signed)
    return signed


@dataclass(frozen=True)
class Instalment:
    """The first instalment of a loan and the day on which it was paid, its due date."""

    loan: Loan
    day: date
    amount: Decimal


@pytest.fixture(scope="session")
def first_instalment(company: Company, staff: Staff, account: str, running: Loan) -> Instalment:
    """A month later the first instalment has been paid and collected."""
    day, amount = servicing.instalment(staff.cashier, running, 1)
    servicing.live_until(company, day)
    servicing.pay_in(company, account, running, amount, day)
    servicing.collect(staff.cashier, "08-collected")
    return Instalment(running, day, amount)


@pytest.fixture(scope="session")
def closing_amount(company: Company, staff: Staff, account: str, first_instalment: Instalment) -> Decimal:
    """What closed the loan on the day of the first instalment (yuan)."""
    loan = first_instalment.loan
    amount = servicing.agree_to_close(staff.officer, loan)
    servicing.pay_in(company, account, loan, amount, first_instalment.day)
    servicing.collect(staff.cashier, "09-collected")
    servicing.see_settled(staff.cashier, loan)
    return amount


@pytest.fixture(scope="session")
def downloads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where files from the pages are kept."""
    return tmp_path_factory.mktemp("downloads")
