"""How a view declares a page: its address, its methods and the permission it asks for, in one typed line."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from flask import current_app, g
from flask_appbuilder import expose
from flask_appbuilder.security.decorators import has_access, permission_name

Page = TypeVar("Page", bound=Callable[..., Any])


def page(url: str, *, permission: str, methods: tuple[str, ...] = ("GET",)) -> Callable[[Page], Page]:
    """A page for those who hold `can_<permission>` on the view; others get 403, or the sign-in page."""

    def declare(function: Page) -> Page:
        return cast(Page, expose(url, methods=methods)(has_access(permission_name(permission)(function))))

    return declare


def open_page(url: str, *, methods: tuple[str, ...] = ("GET",)) -> Callable[[Page], Page]:
    """A page that asks for no permission: it looks after its own door."""

    def declare(function: Page) -> Page:
        return cast(Page, expose(url, methods=methods)(function))

    return declare


def holds(permission: str, view: str) -> bool:
    """Whether the person behind the request holds a permission; nobody does who is not signed in."""
    person = g.get("user")
    if person is None or not person.is_authenticated:
        return False
    return (permission, view) in current_app.appbuilder.sm.permissions_of(person.id)  # type: ignore[attr-defined]
