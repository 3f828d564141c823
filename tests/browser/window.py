"""A browser window as a person uses it: pages are found by what they show, and every complaint of the browser is kept."""

import base64
import re
from pathlib import Path

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, Response, expect

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
ARTEFACTS = Path(__file__).parent.parent / "artifacts"
_REFUSED_PAGE = re.compile(r"Failed to load resource: the server responded with a status of (401|403|404|409|422|429)")

_FETCH = """async (link) => {
  const bytes = new Uint8Array(await (await fetch(link.href)).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


class Complaints:
    """What went wrong in the browser behind the visitor's back: console, scripts, policy, missing files, faults."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def watch(self, context: BrowserContext) -> None:
        """Keep what the pages of this context complain of."""
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"{error.error}"))
        context.on("response", self._response)

    def take(self) -> list[str]:
        """All complaints since the last call."""
        found, self.found = self.found, []
        return found

    def _console(self, message: ConsoleMessage) -> None:
        # A page that says no has a status that says so too; the browser writes that down as an error of its own.
        if message.type in ("error", "warning") and not _REFUSED_PAGE.match(message.text):
            self.found.append(f"{message.location['url']}: {message.text}")

    def _response(self, response: Response) -> None:
        if response.status >= (400 if response.request.resource_type != "document" else 500):
            self.found.append(f"{response.url}: {response.status}")


class Window:
    """One person's browser at one address, with cookies of its own."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self.page.set_default_timeout(20_000)

    @property
    def main(self) -> Locator:
        """The page without its frame of navigation."""
        return self.page.locator("main")

    def open(self, path: str) -> None:
        """Type an address."""
        self.page.goto(path)

    def go_to(self, entry: str) -> None:
        """Choose an entry of the menu at the side."""
        self.page.get_by_role("navigation", name="主导航").get_by_role("link", name=entry, exact=True).click()

    def follow(self, name: str) -> None:
        """Click the link of this name."""
        self.main.get_by_role("link", name=name, exact=True).first.click()

    def press(self, name: str, within: str = "main") -> None:
        """Click the button of this name."""
        self.page.locator(within).get_by_role("button", name=name, exact=True).click()

    def confirm(self, name: str) -> None:
        """Click a button that asks back, and agree."""
        self.press(name)
        self.page.get_by_role("dialog").get_by_role("button", name=name, exact=True).click()

    def fill(self, **entries: str) -> None:
        """Type into the fields that have these labels; `_` stands for what a Python name cannot hold."""
        for label, text in entries.items():
            self.field(label).fill(text)

    def field(self, label: str) -> Locator:
        """The field of this label."""
        return self.main.get_by_label(label, exact=True)

    def reads(self, *texts: str) -> None:
        """The page shows each of these texts."""
        for text in texts:
            expect(self.main.get_by_text(text).filter(visible=True).first).to_be_visible(timeout=20_000)

    def shows_no_button(self, name: str) -> None:
        """The page is there, and offers nothing of this name."""
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()
        expect(self.page.get_by_role("button", name=name, exact=True)).to_have_count(0)

    def row(self, text: str) -> Locator:
        """The row of a table that holds this text."""
        return self.main.get_by_role("row").filter(has_text=text)

    def content_of(self, name: str) -> bytes:
        """What the link of this name leads to, fetched by the page itself."""
        link = self.main.get_by_role("link", name=name, exact=True)
        return base64.b64decode(link.evaluate(_FETCH))

    def picture(self, name: str, *, whole: bool = True) -> None:
        """Keep what is on the screen as tests/artifacts/`name`.png; the whole page, as on a screen high enough for it."""
        ARTEFACTS.mkdir(exist_ok=True)
        screen = self.page.viewport_size or DESKTOP
        if whole:
            height = self._height()
            self.page.set_viewport_size({"width": screen["width"], "height": max(height, screen["height"])})
        self.page.screenshot(path=ARTEFACTS / f"{name}.png")
        self.page.set_viewport_size(screen)

    def _height(self) -> int:
        """How high the page is (pixels); one that is just being replaced has no height yet."""
        while True:
            self.page.wait_for_load_state()
            try:
                if height := self.page.evaluate("document.documentElement?.scrollHeight"):
                    return int(height)
            except Error as error:
                if "Execution context was destroyed" not in error.message:
                    raise
            self.page.wait_for_timeout(50)

    def width(self) -> int:
        """How wide the page is, which is more than the window if it scrolls sideways (pixels)."""
        return int(self.page.evaluate("document.documentElement.scrollWidth"))
