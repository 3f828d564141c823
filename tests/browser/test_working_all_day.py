"""What those who work with the pages all day rely on: nothing typed is lost, nothing is sent twice, and keys for everything."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Dialog, Request, expect
from tests.browser.founding import Company
from tests.browser.lending import Loan
from tests.browser.window import Window

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def desk(company: Company, running: Loan) -> Iterator[Window]:
    """The administrator's."""
    window = company.sign_in("admin")
    yield window
    window.page.context.close()


def test_draft_is_there_again_and_can_be_discarded(desk: Window) -> None:
    desk.open("/customers/new")
    desk.field("姓名/企业名称").press_sequentially("沈括")
    desk.page.get_by_role("radio", name="企业").check()
    desk.reads("草稿已保存")
    desk.open("/loans/")
    desk.open("/customers/new")
    desk.reads("填写但未提交的内容")
    desk.picture("16-draft")
    expect(desk.field("姓名/企业名称")).to_have_value("沈括")
    expect(desk.page.get_by_role("radio", name="企业")).to_be_checked()
    desk.press("放弃草稿")
    expect(desk.field("姓名/企业名称")).to_have_value("")
    desk.page.wait_for_load_state("networkidle")
    desk.open("/customers/new")
    expect(desk.field("姓名/企业名称")).to_have_value("")
    expect(desk.page.locator("[data-draft-notice]")).to_have_count(0)


def test_leaving_with_unsaved_entries_is_asked_about(desk: Window) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    desk.open("/people/add")
    desk.page.on("dialog", stay)
    desk.page.locator("#username").press_sequentially("shenkuo")
    desk.page.get_by_role("link", name="贷款", exact=True).click(no_wait_after=True)
    desk.page.wait_for_timeout(300)
    assert asked == ["beforeunload"]
    expect(desk.page.locator("#username")).to_have_value("shenkuo")
    desk.page.remove_listener("dialog", stay)
    desk.page.locator("#username").fill("")
    desk.page.get_by_role("link", name="贷款", exact=True).click()
    expect(desk.page.get_by_role("heading", name="贷款", level=1)).to_be_visible()


def test_form_is_sent_once_however_often_the_button_is_pressed(desk: Window) -> None:
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST":
            sent.append(request.url)

    desk.open("/customers/new")
    desk.page.on("request", note)
    desk.page.evaluate("""() => {
      const button = document.querySelector("main form[method=post] button[type=submit]");
      button.click(); button.click(); button.click();
    }""")
    desk.reads("处需要修改。")
    desk.page.remove_listener("request", note)
    assert len(sent) == 1


def test_cheap_act_can_be_taken_back(desk: Window) -> None:
    desk.open("/products/")
    row = desk.main.get_by_role("row").nth(1)
    expect(row).to_contain_text("正常")
    row.get_by_role("button", name="停办").click()
    notice = desk.page.locator("#toasts [data-undo]")
    expect(notice).to_contain_text("已停止受理")
    expect(desk.main.get_by_role("row").nth(1)).to_contain_text("已停用")
    desk.picture("16-undo", whole=False)
    notice.get_by_role("button", name="撤销").click()
    expect(desk.page.locator("#toasts [data-undo]")).to_contain_text("已恢复受理")
    expect(desk.main.get_by_role("row").nth(1)).to_contain_text("正常")


def test_keys_lead_everywhere(desk: Window, running: Loan) -> None:
    keyboard = desk.page.keyboard
    desk.open("/")
    keyboard.press("?")
    dialog = desk.page.get_by_role("dialog", name="键盘快捷键")
    expect(dialog).to_contain_text("贷款")
    desk.picture("16-shortcuts", whole=False)
    keyboard.press("Escape")
    keyboard.press("g")
    keyboard.press("l")
    expect(desk.page.get_by_role("heading", name="贷款", level=1)).to_be_visible()
    keyboard.press("/")
    keyboard.type("jjj?")
    assert desk.page.evaluate("document.activeElement.value") == "jjj?"
    desk.page.evaluate("document.activeElement.blur()")
    keyboard.press("j")
    assert desk.page.evaluate("document.activeElement.closest('tr') !== null")
    keyboard.press("Enter")
    expect(desk.page).to_have_url(running.path)


def test_keys_can_be_switched_off(desk: Window) -> None:
    desk.open("/")
    desk.page.keyboard.press("?")
    desk.page.get_by_role("checkbox", name="在此浏览器中启用快捷键").uncheck()
    desk.page.keyboard.press("Escape")
    desk.page.keyboard.press("g")
    desk.page.keyboard.press("l")
    desk.page.wait_for_timeout(200)
    expect(desk.page.get_by_role("heading", name="工作台", level=1)).to_be_visible()
    desk.page.keyboard.press("?")
    desk.page.get_by_role("checkbox", name="在此浏览器中启用快捷键").check()
    desk.page.keyboard.press("Escape")


def test_dark_is_followed_and_chosen_and_paper_stays_light(desk: Window) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    light, dark = "rgb(245, 247, 251)", "rgb(14, 22, 38)"
    page = desk.page
    desk.open("/")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(ground) == dark
    page.get_by_role("banner").get_by_role("button", name="外观").click()
    page.get_by_role("banner").get_by_role("link", name="浅色").click()
    expect(page.get_by_role("heading", name="工作台", level=1)).to_be_visible()
    assert page.evaluate(ground) == light
    page.emulate_media(color_scheme="light")
    page.get_by_role("banner").get_by_role("button", name="外观").click()
    page.get_by_role("banner").get_by_role("link", name="深色").click()
    expect(page.get_by_role("heading", name="工作台", level=1)).to_be_visible()
    assert page.evaluate(ground) == dark
    desk.picture("16-dark")
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert not page.locator(".side").is_visible()
    assert page.locator(".print-head").is_visible()
    page.emulate_media(media="screen")
    page.get_by_role("banner").get_by_role("button", name="外观").click()
    page.get_by_role("banner").get_by_role("link", name="跟随系统").click()
    expect(page.get_by_role("heading", name="工作台", level=1)).to_be_visible()
