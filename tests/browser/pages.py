"""Finds every page that somebody can open, from the map of addresses and from what the pages link to."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal
from urllib.parse import urlsplit

from flask import Flask
from playwright.sync_api import Page
from tests.browser.looks import findings, overhang, unseen_focus
from tests.browser.window import DESKTOP, PHONE, Complaints, Window
from werkzeug.exceptions import HTTPException
from werkzeug.routing import BuildError, Rule

LANGUAGES = ("zh_Hans", "zh_Hant_HK", "en")
WIDTHS = (DESKTOP, PHONE)
WHOLE = "TRILEND_WHOLE_PRODUCT"
"""Set in the environment, every page is looked at in every language and width; else in one each, in turn."""

# Addresses that end the session, change what the reader has chosen, or answer programs.
_NOT_PAGES = re.compile(
    r"logout|sign_out|switch_|LocaleView|UtilView|\.(delete|action|static)$|^(api_v1|MenuApi|health)\."
)
_LINK = re.compile(r'href="(/[^"#]*)')
_FETCH = """async (path) => {
  const answer = await fetch(path, {redirect: "manual", headers: {Accept: "text/html"}});
  return [answer.status, answer.headers.get("content-type") || "", await answer.text()];
}"""
_FOCUS_STEPS = 12
_FOCUS_EVERY = 4
_DARK_EVERY = 5


@dataclass(frozen=True)
class Looked:
    """A page as somebody sees it: its address, the language, the window, and whether it is dark around them."""

    path: str
    language: str
    window: dict[str, int]
    scheme: Literal["light", "dark"]
    by_keyboard: bool
    """Whether the frame of the page and the way of the focus are looked at as well."""

    @property
    def address(self) -> str:
        """The address with the language asked for."""
        return f"{self.path}{'&' if '?' in self.path else '?'}lang={self.language}"

    def __str__(self) -> str:
        return f"{self.path} [{self.language}, {self.window['width']}, {self.scheme}]"


@dataclass
class Site:
    """One face of the platform as one person sees it."""

    app: Flask
    reader: Page
    pages: dict[str, str] = field(default_factory=dict)
    """An address of each endpoint that answers with a page."""

    def __post_init__(self) -> None:
        self._found: dict[str, str] = {}
        waiting = [rule for rule in self._rules() if not rule.arguments]
        for rule in waiting:
            self._read(rule.endpoint, rule.rule)
        # What no page links to may still be there under the first number.
        for rule in self._rules():
            if rule.endpoint not in self._found and (address := self._first(rule)):
                self._read(rule.endpoint, address)

    def views(self) -> Iterator[Looked]:
        """What is looked at of each page, as `WHOLE` says."""
        every = list(product(LANGUAGES, WIDTHS))
        for number, path in enumerate(sorted(set(self.pages.values()))):
            chosen: Sequence[tuple[str, dict[str, int]]] = (
                every if os.environ.get(WHOLE) else [every[number % len(every)]]
            )
            for language, width in chosen:
                yield Looked(
                    path, language, width, "dark" if number % _DARK_EVERY == 0 else "light", number % _FOCUS_EVERY == 0
                )

    def _rules(self) -> list[Rule]:
        # The longest path is asked for last, so that a list comes before what it lists.
        rules = (rule for rule in self.app.url_map.iter_rules() if "GET" in (rule.methods or ()))
        return sorted((rule for rule in rules if not _NOT_PAGES.search(rule.endpoint)), key=lambda rule: len(rule.rule))

    def _first(self, rule: Rule) -> str | None:
        try:
            built = rule.build(dict.fromkeys(rule.arguments, 1))
        except BuildError:
            return None
        return None if built is None else str(built[1])

    def _read(self, endpoint: str, path: str) -> None:
        self._found.setdefault(endpoint, path)
        status, kind, text = self.reader.evaluate(_FETCH, path)
        if status != 200 or "text/html" not in kind or "</html>" not in text:
            return
        self.pages[endpoint] = path
        for link in _LINK.findall(text):
            self._follow(link.replace("&amp;", "&"))

    def _follow(self, link: str) -> None:
        try:
            endpoint, _ = self.app.url_map.bind("localhost").match(urlsplit(link).path)
        except HTTPException:
            return
        if endpoint not in self._found and not _NOT_PAGES.search(endpoint):
            self._read(endpoint, link)


def faults(window: Window, complaints: Complaints, site: Site) -> list[str]:
    """What is wrong with the pages of a site, each with the page it is wrong on."""
    found: list[str] = []
    for look in site.views():
        window.page.set_viewport_size(look.window)  # type: ignore[arg-type]
        window.page.emulate_media(color_scheme=look.scheme)
        window.open(look.address)
        wrong = [f"axe: {finding}" for finding in findings(window.page, with_frame=look.by_keyboard)]
        if too_wide := overhang(window.page):
            wrong.append(f"wider than the window by {too_wide} px")
        if look.by_keyboard:
            wrong += [f"focus is not to be seen: {place}" for place in unseen_focus(window.page, _FOCUS_STEPS)]
        wrong += [f"browser: {complaint}" for complaint in complaints.take()]
        found += [f"{look}: {each}" for each in wrong]
    return found
