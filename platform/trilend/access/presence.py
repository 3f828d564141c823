"""The running request's person and browser, what the rules still ask of them, and pages for those who are signed in."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, g, redirect, request, session, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.access import browser_sessions
from trilend.access.browser_sessions import TOUCH_AFTER, Presence
from trilend.access.models import SecondFactorRule, SignInMethod
from trilend.access.passkeys import Site
from trilend.access.rules import due_on
from trilend.access.service import is_recorded, recording
from trilend.config import settings
from trilend.db.base import now
from trilend.identity.access import open_page
from trilend.kinds import kinds
from trilend.tenancy.context import TenantSession, current_tenant, tenant_session
from trilend.tenancy.errors import not_admitted
from trilend.web.formats import instant

TOKEN, UNLISTED = "sid", "unlisted"
FRESH = timedelta(minutes=15)
_CHOOSING = "AccountView.password"
_WITHOUT_FACTOR = "AccountView"
_ALWAYS = frozenset({"trilend_web", "trilend_language", "SignInView"})

Page = TypeVar("Page", bound=Callable[..., Any])


def look_up(user_id: int) -> Presence | None:
    """The presence behind this request's cookie, remembered for the request; a browser is seen once a minute."""
    found = browser_sessions.presence(tenant_session(), user_id, str(session.get(TOKEN, "")), idles=is_recorded())
    if found is not None and now() - found.browser.last_seen_at > TOUCH_AFTER and is_recorded():
        browser_id = found.browser.id
        with recording(), TenantSession() as own:
            browser_sessions.touch(own, browser_id)
            own.commit()
    g.trilend_presence = found
    return found


def present() -> Presence:
    """Who is signed in; only on pages that ask for it."""
    return cast(Presence, g.trilend_presence)


def this_site() -> Site:
    """The address at which this request came in, for passkeys."""
    return Site(request.host.partition(":")[0], f"{settings().scheme}://{request.host}")


def return_address() -> str:
    """Where the company's own service sends people back to, at the address at which this request came in."""
    return this_site().origin + url_for("SignInView.company_back")


def factor_due(found: Presence) -> Any:
    """Until when this person may do without a second factor; None if nothing is asked of it, or it has one."""
    rules = found.rules
    if rules.second_factor == SecondFactorRule.OPTIONAL or found.has_second_factor:
        return None
    if found.browser.method == SignInMethod.PROVIDER:
        return None
    if rules.second_factor == SecondFactorRule.MONEY and not _moves_money(found):
        return None
    first_day = found.account.created_at if found.account else found.browser.created_at
    return due_on(rules, first_day)


def ask_for_what_is_missing() -> Response | None:
    """Before a page: a password that somebody else chose is changed first, a second factor that is due is set up."""
    if request.endpoint in (None, _CHOOSING) or request.blueprint in _ALWAYS:
        return None
    if not g.user.is_authenticated or not current_tenant().admission.is_open:
        return None
    found = g.get("trilend_presence")
    if found is None:
        return None
    if found.is_temporary:
        return redirect(url_for("AccountView.password"))
    due = factor_due(found)
    if due is not None and due <= now() and request.blueprint != _WITHOUT_FACTOR:
        return redirect(url_for("AccountView.overview"))
    return None


def factor_notice(found: Presence) -> tuple[str, str] | None:
    """Tone and sentence about a second factor that is asked for and missing."""
    due = factor_due(found)
    if due is None:
        return None
    if due <= now():
        return "danger", gettext("Your company requires a second factor. Set one up here to go on working.")
    return "warning", gettext("Your company requires a second factor. Set one up here by %(when)s.", when=instant(due))


def own_page(url: str, *, methods: tuple[str, ...] = ("GET",), fresh: bool = False) -> Callable[[Page], Page]:
    """A page of the own account: for whoever is signed in; `fresh` asks for the password again after a quarter of an hour."""

    def declare(function: Page) -> Page:
        @wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not g.user.is_authenticated:
                return redirect(url_for("SignInView.login", next=request.path))
            admission = current_tenant().admission
            # Who signed in while nothing could be written down has nothing to see here either.
            if g.get("trilend_presence") is None or (request.method == "POST" and not admission.is_open):
                raise not_admitted(admission)
            if fresh and now() - present().browser.confirmed_at > FRESH:
                return _ask_again()
            return function(*args, **kwargs)

        return cast(Page, open_page(url, methods=methods)(guarded))

    return declare


def _ask_again() -> Any:
    back = request.path if request.method == "GET" else url_for("AccountView.overview")
    where = url_for("AccountView.confirm", next=back)
    return ({"next": where}, 403) if request.is_json else redirect(where)


def _moves_money(found: Presence) -> bool:
    held = current_app.appbuilder.sm.permissions_of(found.person.id)  # type: ignore[attr-defined]
    return bool(held & kinds()[current_tenant().kind].money_rights)
