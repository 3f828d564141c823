"""The shell in Chromium: nothing that the policy forbids, nothing wider than a phone, and dialogs that hold back."""

import shutil
from collections.abc import Iterator
from threading import Thread

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests.browser.looks import findings, overhang
from tests.browser.window import ARTEFACTS
from werkzeug.serving import make_server

from trilend.web.catalogs import compile_catalogues
from trilend.web.language import CATALOGUES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:'DateTimeField' renders:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Yielding raw tuples from iter_choices:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The Query.get:sqlalchemy.exc.LegacyAPIWarning"),
]

PASSWORD = "correct horse battery"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
PATHS = ["/_gallery/", "/_gallery/public", "/_gallery/bare", "/users/list/", "/users/add", "/roles/edit/1", "/nowhere"]


@pytest.fixture(scope="module")
def address(appbuilder_app: Flask) -> Iterator[str]:
    """Where the app is served, one request at a time as its database is one connection."""
    compile_catalogues(CATALOGUES.parent)
    server = make_server("localhost", 0, appbuilder_app)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def reader(chromium: Browser, address: str) -> Iterator[BrowserContext]:
    """The browser of somebody who has signed in."""
    context = chromium.new_context(locale="zh-CN", base_url=address)
    page = context.new_page()
    page.goto("/login/")
    page.fill("#username", "wangfang")
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_selector(".side-nav")
    page.close()
    yield context
    context.close()


@pytest.fixture
def page(reader: BrowserContext) -> Iterator[Page]:
    page = reader.new_page()
    yield page
    page.close()


@pytest.mark.parametrize("path", PATHS)
def test_page_breaks_no_policy_and_fits_a_phone(page: Page, path: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(23, 34, 53)"
    assert [text for text in complaints if "404 (NOT FOUND)" not in text] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh_Hans", "zh_Hant_HK", "en"])
def test_widgets_can_be_read_by_everybody(reader: BrowserContext, page: Page, language: str, scheme: str) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    page.goto(f"/_gallery/?lang={language}")
    whole_height = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": 1280, "height": whole_height})
    page.locator("[data-chart][data-drawn]").nth(1).wait_for(state="attached")
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"gallery-{language}-{scheme}.png")
    assert findings(page) == []
    assert overhang(page) == 0
    assert complaints == []
    page.goto("/_gallery/?lang=zh_Hans")


def test_keyboard_reaches_the_content_first(page: Page) -> None:
    page.goto("/users/list/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"


def test_record_is_deleted_only_when_the_dialog_is_agreed_to(page: Page) -> None:
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.goto("/groups/add")
    page.fill("#name", "Branch A")
    page.click("form.record-form button[type=submit]")
    page.goto("/groups/list/")
    sent.clear()

    page.click("tbody tr:has-text('Branch A') [data-confirm-action]")
    assert page.locator("#confirm-dialog").is_visible()
    page.keyboard.press("Escape")
    page.wait_for_timeout(200)
    assert sent == []

    page.click("tbody tr:has-text('Branch A') [data-confirm-action]")
    page.click("#confirm-dialog [data-confirm-go]")
    page.wait_for_selector(".alert-block")
    assert len(sent) == 1
    assert page.locator("tbody tr:has-text('Branch A')").count() == 0


def test_filter_sends_only_what_was_filled_in(page: Page) -> None:
    page.goto("/users/list/")
    page.click(".filter-panel summary")
    page.fill("[data-filter-value=username]", "wang")
    page.select_option("[data-filter-operator=username]", label="包含")
    page.click(".filter-panel button[type=submit]")
    page.wait_for_url("**/users/list/?*")
    assert page.url.endswith("/users/list/?_flt_2_username=wang")
    assert page.locator("tbody tr").count() == 1


def test_list_of_permissions_narrows_while_typing(page: Page) -> None:
    page.goto("/roles/edit/1")
    page.fill("[data-pick-filter]", "RESETPASSWORDVIEW")
    assert page.locator(".pick-list-choices .form-check:visible").count() == 2


def test_value_is_revealed_after_a_reason(page: Page) -> None:
    page.goto("/_gallery/")
    assert page.inner_text("#mobile") == "138****8000"
    page.click("[data-dialog-open=mobile-reason]")
    page.fill("#mobile-reason-text", "核对联系方式")
    page.click("#mobile-reason button[type=submit]")
    page.wait_for_function("document.getElementById('mobile').textContent === '13800138000'")
    assert not page.locator("#mobile-reason").is_visible()


def test_menu_of_a_phone_opens_and_closes(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/users/list/")
    assert not page.locator("#side-body").is_visible()
    page.click("[data-side-toggle]")
    assert page.locator("#side-body").is_visible()
    assert page.get_attribute("[data-side-toggle]", "aria-expanded") == "true"
    page.click("[data-side-toggle]")
    assert not page.locator("#side-body").is_visible()
