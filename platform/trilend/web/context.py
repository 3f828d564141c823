"""What the shell must be told about a request: who is at work, for which company, and where they can go."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, cast

from flask import g
from werkzeug.local import LocalProxy

from trilend.web.language import LANGUAGES, current_language

Face = Literal["public", "console", "tenant"]

BRAND = "Trilend"


@dataclass(frozen=True)
class NavItem:
    """One link of the navigation."""

    label: str
    """Already translated."""
    url: str
    icon: str = "point"
    """Name of an icon in the sprite."""
    active: bool = False
    key: str = ""
    """The letter that leads here after `g`; none has no shortcut."""


@dataclass(frozen=True)
class NavGroup:
    """Links under one heading; an empty label puts them above the headings."""

    label: str
    items: tuple[NavItem, ...]

    @property
    def active(self) -> bool:
        """Whether one of the links is the page being shown."""
        return any(item.active for item in self.items)


@dataclass(frozen=True)
class ShellContext:
    """Everything around the content of one page."""

    face: Face = "public"
    brand: str = BRAND
    company_name: str | None = None
    """The tenant's company; none on the public site and the console."""
    kind_label: str | None = None
    """The tenant's kind of business, already translated."""
    person_name: str | None = None
    """The person signed in; none when nobody is."""
    business_date: date | None = None
    navigation: tuple[NavGroup, ...] = ()
    home_url: str = "/"
    sign_in_url: str | None = None
    sign_out_url: str | None = None
    account_url: str | None = None
    search_url: str | None = None
    """Where the search box sends what is entered; none where nothing can be searched."""
    notices_url: str | None = None
    unread: int = 0
    """How many notices the person has not read, at most 100."""
    language: str = field(default_factory=current_language)
    languages: tuple[tuple[str, str], ...] = LANGUAGES
    """Pairs of code and the language's own name."""
    notice: str | None = None
    """What everybody in this space must know now, above the content of each page."""
    environment_banner: str | None = None
    """A line above every page of an environment that is not production."""


ContextSource = Callable[[], ShellContext]


class ShellContexts:
    """Asks the face for its context at most once a request."""

    def __init__(self, source: ContextSource) -> None:
        self._source = source

    def current(self) -> ShellContext:
        """The context of this request; asks the face the first time."""
        if "trilend_shell" not in g:
            g.trilend_shell = self._source()
        return cast(ShellContext, g.trilend_shell)

    def proxy(self) -> ShellContext:
        """The context of whichever request is being served, for use as a template global."""
        return cast(ShellContext, LocalProxy(self.current))


def use_plain_context(face: Face = "public") -> None:
    """Serves the rest of this request without asking the face, which may be what has failed."""
    g.trilend_shell = ShellContext(face=face)
