"""Passkeys in a real Chromium with a virtual authenticator: made, named, used alone and after the password, removed."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.browser.window import FLAGS
from tests.conftest import PASSWORD
from tests.flow.access.conftest import Window, passwords_off
from werkzeug.serving import make_server

from trilend.access.models import BrowserSession, Passkey, SignInMethod, Ticket
from trilend.access.tickets import digest_of

pytestmark = [
    pytest.mark.browser,
    pytest.mark.filterwarnings("ignore:'DateTimeField' renders:DeprecationWarning"),
]

HOME = re.compile(r":\d+/$")


@pytest.fixture(scope="module")
def port(application: Any) -> Iterator[int]:
    """Where the application is served."""
    server = make_server("localhost", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The Chromium of this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield browser
        browser.close()


class Device:
    """A browser with an authenticator built in, whose owner always agrees; what it complains of is kept."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self.context: BrowserContext = browser.new_context(locale="en", base_url=base_url)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.complaints: list[str] = []
        self.page.on("console", lambda said: self.complaints.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tools = self.context.new_cdp_session(self.page)
        self.tools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        self.key = self.tools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def sign_in(self, username: str) -> None:
        """By password."""
        self.page.goto("/login/")
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def add_passkey(self) -> None:
        """As the account page offers."""
        self.page.goto("/account/")
        self.page.get_by_role("button", name="Add a passkey on this device").click()
        expect(self.page.get_by_text("The passkey is added.")).to_be_visible()

    def press_passkey(self, name: str = "Sign in with a passkey") -> dict[str, Any]:
        """Use the passkey; returns what the page sent."""
        with self.page.expect_request(lambda request: request.url.endswith("/passkey")) as sent:
            self.page.get_by_role("button", name=name).click()
        return json.loads(sent.value.post_data or "{}")  # type: ignore[no-any-return]

    @property
    def is_in(self) -> bool:
        """Whether this browser is signed in."""
        self.page.goto("/account/")
        return "/login" not in self.page.url


@pytest.fixture
def device(chromium: Browser, company: Any, port: int) -> Iterator[Device]:
    """A device of its own, that had nothing to complain of but answers that say no."""
    device = Device(chromium, f"http://{company.slug}.localhost:{port}")
    yield device
    device.context.close()
    assert [said for said in device.complaints if "status of 401" not in said] == []


def test_a_passkey_is_made_named_used_alone_and_removed(
    device: Device, person: Callable[..., Any], books: Session
) -> None:
    who, page = person(), device.page
    device.sign_in(who.username)
    device.add_passkey()
    name = page.get_by_label("Name of the passkey")
    expect(name).to_have_value("Chrome · Linux")
    name.fill("Office laptop")
    page.get_by_role("button", name="Keep the name").click()
    expect(page.get_by_label("Name of the passkey")).to_have_value("Office laptop")

    page.goto("/logout/")
    page.goto("/login/?next=/account/")
    device.press_passkey()
    expect(page.get_by_role("heading", name="My account")).to_be_visible()
    expect(page.get_by_text("Last used")).to_be_visible()
    methods = books.scalars(select(BrowserSession.method).where(BrowserSession.user_id == who.id)).all()
    assert sorted(methods) == [SignInMethod.PASSKEY, SignInMethod.PASSWORD]

    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    expect(page.get_by_text("opens nothing any more").first).to_be_visible()
    page.goto("/logout/")
    device.press_passkey()
    expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("This passkey was not accepted")
    assert not device.is_in


def test_a_passkey_is_the_second_step_after_the_password(
    device: Device, person: Callable[..., Any], books: Session
) -> None:
    who, page = person(), device.page
    device.sign_in(who.username)
    device.add_passkey()
    page.goto("/logout/")
    device.sign_in(who.username)
    expect(page.get_by_role("heading", name="One more step")).to_be_visible()
    assert not device.is_in
    page.goto("/login/second")
    device.press_passkey("Go on with your passkey")
    page.wait_for_url(HOME)
    assert device.is_in
    methods = books.scalars(select(BrowserSession.method).where(BrowserSession.user_id == who.id)).all()
    assert SignInMethod.PASSWORD_AND_PASSKEY in methods


@pytest.mark.parametrize("step", ["alone", "after the password"])
def test_a_passkey_opens_nothing_where_passwords_are_off(
    device: Device, person: Callable[..., Any], books: Session, step: str
) -> None:
    who, page = person(), device.page
    device.sign_in(who.username)
    device.add_passkey()
    page.goto("/logout/")
    button = "Sign in with a passkey"
    if step == "after the password":
        device.sign_in(who.username)
        expect(page.get_by_role("heading", name="One more step")).to_be_visible()
        button = "Go on with your passkey"
    else:
        page.goto("/login/")
    with passwords_off(books):
        device.press_passkey(button)
        expect(page.get_by_role("alert").filter(visible=True)).to_contain_text("signs in through its own service")
        assert not device.is_in
    device.complaints.clear()
    books.expire_all()
    methods = books.scalars(select(BrowserSession.method).where(BrowserSession.user_id == who.id)).all()
    assert methods == [SignInMethod.PASSWORD]


def test_somebody_else_with_a_passkey_is_no_second_factor(
    device: Device, person: Callable[..., Any], window: Callable[[], Window], books: Session, company: Any, port: int
) -> None:
    """The thief has the victim's password and a passkey of his own."""
    victim, thief = person(), person()
    for who in (victim, thief):
        device.sign_in(who.username)
        device.add_passkey()
        device.page.goto("/logout/")
    device.page.goto("/login/")
    answer = device.press_passkey()
    device.page.wait_for_url(HOME)
    device.page.goto("/logout/")
    # A challenge for the victim, answered with the thief's passkey for another one.
    at_work = Window(window().client.application, f"{company.slug}.localhost", port)
    at_work.sign_in(victim.username)
    offer = at_work.post_json("/login/passkey/options", {}).get_json()
    refused = at_work.post_json("/login/passkey", answer | {"ticket": offer["ticket"]})
    assert (refused.status_code, at_work.is_in) == (401, False)
    assert books.get(Ticket, digest_of(offer["ticket"])) is None


def test_an_answer_is_good_once_at_its_address_and_in_its_company(
    device: Device,
    person: Callable[..., Any],
    window: Callable[[], Window],
    company: Any,
    tenant: Any,
    port: int,
    books: Session,
) -> None:
    who = person()
    device.sign_in(who.username)
    device.add_passkey()
    device.page.goto("/logout/")
    device.page.goto("/login/")
    held: list[str] = []
    device.page.route("**/login/passkey", lambda route: (held.append(route.request.post_data or ""), route.abort()))
    device.page.get_by_role("button", name="Sign in with a passkey").click()
    expect(device.page.get_by_role("alert").filter(visible=True)).to_be_visible()
    device.complaints.clear()
    answer = json.loads(held[0])

    other = Window(window().client.application, f"{tenant.slug}.localhost", port)
    assert other.post_json("/login/passkey", answer).status_code == 410
    offered = other.post_json("/login/passkey/options", {}).get_json()
    assert other.post_json("/login/passkey", answer | {"ticket": offered["ticket"]}).status_code == 401
    assert not other.is_in

    # The unused answer comes in at the right company: taken once, and a copy of it never.
    first, second = (Window(other.client.application, f"{company.slug}.localhost", port) for _ in range(2))
    assert first.post_json("/login/passkey", answer).status_code == 200
    assert second.post_json("/login/passkey", answer).status_code == 410
    assert (first.is_in, second.is_in) == (True, False)
    assert books.scalars(select(Passkey.sign_count).where(Passkey.user_id == who.id)).one() > 0


@pytest.mark.parametrize("content", [{}, {"ticket": "x"}, {"ticket": "x", "credential": "y"}, []])
def test_a_malformed_answer_is_refused(window: Callable[[], Window], content: Any) -> None:
    browser = window()
    assert browser.post_json("/login/passkey", content).status_code in (401, 410)
    offer = browser.post_json("/login/passkey/options", {}).get_json()
    if isinstance(content, dict):
        assert browser.post_json("/login/passkey", content | {"ticket": offer["ticket"]}).status_code == 401
    assert not browser.is_in


def test_the_pages_fit_a_phone(chromium: Browser, company: Any, port: int, person: Callable[..., Any]) -> None:
    device = Device(chromium, f"http://{company.slug}.localhost:{port}")
    device.page.set_viewport_size({"width": 390, "height": 844})
    device.sign_in("admin")
    device.page.wait_for_url(HOME)
    for path in ("/account/", "/account/app", "/account/password", "/sign-in/", "/sign-in/rules", "/sign-in/service"):
        device.page.goto(path)
        assert device.page.evaluate("document.documentElement.scrollWidth") <= 390, path
    assert device.complaints == []
    device.context.close()
