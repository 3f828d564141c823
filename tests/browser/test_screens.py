"""What holds for all pages of a company: three languages, phones, the keyboard alone, and answers to what cannot be."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect
from tests.browser.conftest import Staff
from tests.browser.founding import Company
from tests.browser.lending import Loan
from tests.browser.window import PHONE, Window

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def phone(company: Company, running: Loan) -> Iterator[Window]:
    """The administrator on a phone."""
    window = company.sign_in("admin", viewport=PHONE, is_mobile=True, has_touch=True, device_scale_factor=2)
    yield window
    window.page.context.close()


def test_menu_of_a_phone_leads_on(phone: Window) -> None:
    phone.open("/")
    phone.page.get_by_role("button", name="菜单").click()
    phone.picture("11-phone-menu", whole=False)
    assert phone.width() == PHONE["width"]
    phone.page.keyboard.press("Escape")
    expect(phone.page.get_by_role("navigation", name="主导航")).not_to_be_visible()
    expect(phone.page.get_by_role("button", name="菜单")).to_be_focused()
    phone.page.get_by_role("button", name="菜单").click()
    phone.go_to("贷款")
    expect(phone.page.get_by_role("heading", name="贷款", level=1)).to_be_visible()


def test_language_is_switched_on_the_page_one_is_on(company: Company, running: Loan) -> None:
    officer = company.sign_in("officer")
    officer.open(running.path)
    for language, code, now, then in (
        ("简体中文", "en", "English", ("Principal outstanding", "Schedule", "Terms")),
        ("English", "zh-Hant", "繁體中文", ("本金餘額", "還款計劃", "借款條件")),
        ("繁體中文", "zh-Hans", "简体中文", ("本金余额", "还款计划", "借款条件")),
    ):
        officer.page.get_by_role("banner").get_by_role("button", name=language).click()
        officer.page.get_by_role("banner").get_by_role("link", name=now).click()
        officer.reads(*then)
        expect(officer.page).to_have_url(running.path)
        expect(officer.page.locator("html")).to_have_attribute("lang", code)
        officer.picture(f"12-loan-{code}")
    officer.page.context.close()


def test_form_is_filled_in_and_sent_by_keyboard_alone(company: Company, running: Loan) -> None:
    officer = company.sign_in("officer")
    officer.open("/customers/new")
    keyboard = officer.page.keyboard
    officer.page.get_by_role("link", name="跳到正文").focus()
    keyboard.press("Enter")
    reached = []
    for _ in range(12):
        keyboard.press("Tab")
        focused = officer.page.locator(":focus")
        reached.append(focused.evaluate("(element) => element.name || element.textContent.trim()"))
        if focused.evaluate("(element) => element.type") == "submit":
            break
    assert reached == [
        "客户",
        "kind",
        "name",
        "identifier",
        "mobile",
        "account_number",
        "account_bank",
        "legal_representative",
        "登记",
    ]
    keyboard.press("Enter")
    officer.reads("处需要修改。", "请填写姓名或名称。")
    officer.picture("13-keyboard")
    assert officer.page.locator(":focus").get_attribute("role") == "alert"
    officer.page.context.close()


def test_address_without_a_page_says_so(staff: Staff) -> None:
    staff.officer.open("/nowhere")
    staff.officer.reads("这个地址没有内容", "页面可能已移动或删除。请检查地址，或从首页开始。")
    staff.officer.picture("14-no-page")


def test_thing_that_does_not_exist_says_so(staff: Staff) -> None:
    staff.officer.open("/loans/987654")
    staff.officer.reads("贷款不存在。")
    staff.officer.picture("14-no-loan")


@pytest.mark.parametrize("path", ["/connections/", "/people/list/", "/loans/disburse"])
def test_page_of_others_says_that_the_right_is_missing(staff: Staff, path: str) -> None:
    staff.officer.open(path)
    staff.officer.reads("没有权限")
    staff.officer.picture("14-no-right-" + path.strip("/").replace("/", "-"))


def test_stranger_is_asked_to_sign_in(company: Company) -> None:
    stranger = company.stack.window(company.url)
    stranger.open("/loans/")
    expect(stranger.page.get_by_role("heading", name="登录")).to_be_visible()
    stranger.fill(用户名="admin", 密码="not the password")
    stranger.press("登录")
    stranger.reads("用户名或密码不正确。请重试，或联系管理员。")
    stranger.picture("14-wrong-password")
    stranger.page.context.close()


def test_address_of_no_company_says_so(company: Company) -> None:
    stranger = company.stack.window(company.url.replace(company.slug, "nobody"))
    stranger.open("/")
    stranger.reads("没有公司使用这个网址。请检查拼写，或注册您的公司。")
    stranger.picture("14-no-company")
    stranger.page.context.close()


def test_sandbox_bank_shows_the_transfer(company: Company, running: Loan) -> None:
    clerk = company.stack.window(company.stack.bank_url, ignore_https_errors=True)
    clerk.open("/")
    expect(clerk.row(running.borrower.name).filter(has_text=running.borrower.card)).not_to_have_count(0)
    clerk.reads("120,000.00", "已入账")
    clerk.picture("15-sandbox-bank")
    clerk.page.context.close()
