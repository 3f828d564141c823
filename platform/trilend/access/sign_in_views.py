"""The pages on which people sign in: password, second factor, passkey, the company's own service, a forgotten password."""

import secrets
import time
from typing import Any

from flask import flash, g, json, make_response, redirect, render_template, request, session, url_for
from flask_appbuilder.security.sqla.models import User
from flask_appbuilder.security.views import AuthDBView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_login import login_user, logout_user
from werkzeug.wrappers import Response

from trilend.access import browser_sessions, passkeys, second_factor, tickets, unrecorded
from trilend.access.browser_sessions import Visit
from trilend.access.devices import client_address, device_name
from trilend.access.errors import PasskeyRefused, TicketGone, TooManyTries, UnfitPassword
from trilend.access.forms import CodeForm, ForgottenForm, NewPasswordForm, SignInForm
from trilend.access.models import SignInMethod
from trilend.access.oidc.accounts import person_of
from trilend.access.oidc.protocol import come_back, depart
from trilend.access.oidc.settings import provider_in_use
from trilend.access.passwords import RESET
from trilend.access.presence import TOKEN, UNLISTED, return_address, this_site
from trilend.access.rules import has_second_factor, rules_of
from trilend.access.service import (
    ask_for_reset,
    check_own_way,
    check_password,
    is_recorded,
    let_in,
    recording,
    reset_password,
)
from trilend.config import settings
from trilend.errors import TrilendError
from trilend.identity.access import open_page
from trilend.tenancy.context import tenant_session
from trilend.web.language import begin_session_anew, safe_return_path

_DEVICE, _YEAR = "trilend_device", 365 * 24 * 3600
_PENDING, _PENDING_SECONDS = "second", 600
_STATE = "provider_state"
Answer = str | Response | tuple[str, int]


class SignInView(AuthDBView):  # type: ignore[misc]
    """Sign-in, and everything on the way to it."""

    title = _l("Sign in")

    @open_page("/login/", methods=("GET", "POST"))
    def login(self) -> Answer:
        """Name and password; or the way to a passkey, to the company's own service, to a new password."""
        if g.user.is_authenticated:
            return redirect(_next())
        form = SignInForm()
        if not form.validate_on_submit():
            return _sign_in_page(form, 422 if form.is_submitted() else 200)
        name, password = form.username.data.strip(), form.password.data
        if not is_recorded():
            return _let_in_unlisted(form, name, password)
        with recording():
            try:
                person = check_password(tenant_session(), name, password, client_address())
            except TrilendError as error:
                form.password.errors = [str(error)]
                return _sign_in_page(form, error.status)
            tenant_session().commit()
            if has_second_factor(tenant_session(), person.id):
                session[_PENDING] = {"id": person.id, "at": time.time(), "next": _next()}
                return redirect(url_for(".second"))
            return _finish(person, SignInMethod.PASSWORD, _next())

    @open_page("/login/second", methods=("GET", "POST"))
    def second(self) -> Answer:
        """The second factor of somebody whose password was right."""
        waiting = _pending()
        if waiting is None:
            return redirect(url_for(".login"))
        form, status = CodeForm(), 200
        with recording():
            here = tenant_session()
            if form.validate_on_submit():
                try:
                    second_factor.check_code(here, waiting["id"], form.code.data)
                    person = here.get_one(User, waiting["id"])
                    check_own_way(here, person)
                except TrilendError as error:
                    here.commit()
                    form.code.errors, status = [str(error)], error.status
                else:
                    return _finish(person, SignInMethod.PASSWORD_AND_CODE, waiting["next"])
            keys = passkeys.passkeys_of(here, waiting["id"])
            has_app = second_factor.has_app(here, waiting["id"])
            page = render_template("access/second.html", form=form, has_passkey=bool(keys), has_app=has_app)
            return page, status

    @open_page("/login/passkey/options", methods=("POST",))
    def passkey_options(self) -> Any:
        """What the browser needs to use a passkey."""
        waiting = _pending()
        with recording():
            offer = passkeys.offer_use(tenant_session(), this_site(), waiting["id"] if waiting else None)
            tenant_session().commit()
        return offer

    @open_page("/login/passkey", methods=("POST",))
    def passkey(self) -> Any:
        """The browser's answer: a passkey is enough by itself, it holds a device and a finger or a PIN."""
        waiting = _pending()
        method = SignInMethod.PASSWORD_AND_PASSKEY if waiting else SignInMethod.PASSKEY
        answer = request.get_json(silent=True)
        with recording():
            here = tenant_session()
            try:
                if not isinstance(answer, dict):
                    raise PasskeyRefused
                person = passkeys.use(here, this_site(), answer, waiting["id"] if waiting else None)
                check_own_way(here, person)
            except TrilendError as error:
                here.commit()
                return {"error": str(error)}, error.status
            next_url = waiting["next"] if waiting else _own_path(str(answer.get("next", "")))
            entered = _finish(person, method, next_url)
            # The page goes there itself: a redirect would be followed by the request, not by the window.
            target = entered.headers.pop("Location")
            entered.status_code = 200
            entered.set_data(json.dumps({"next": target}))
            entered.content_type = "application/json"
            return entered

    @open_page("/login/company")
    def company(self) -> Response:
        """To the company's own sign-in service."""
        with recording():
            here = tenant_session()
            provider = provider_in_use(here)
            if provider is None:
                return redirect(url_for(".login"))
            try:
                departure = depart(here, provider, redirect_uri=return_address(), next_url=_next())
            except TrilendError as error:
                here.rollback()
                return _back_to_sign_in(error)
            here.commit()
        # The answer is taken only by the browser that asked.
        session[_STATE] = tickets.digest_of(departure.state)
        return redirect(departure.url)

    @open_page("/login/company/back")
    def company_back(self) -> Response:
        """Back from the company's own sign-in service."""
        state, code = request.args.get("state", ""), request.args.get("code", "")
        expected = session.pop(_STATE, "")
        with recording():
            here = tenant_session()
            provider = provider_in_use(here)
            try:
                if provider is None or not secrets.compare_digest(expected, tickets.digest_of(state)):
                    raise TicketGone
                back = come_back(here, provider, state=state, code=code, issuer=request.args.get("iss", ""))
                person = person_of(here, provider, back.claims)
                return _finish(person, SignInMethod.PROVIDER, back.next_url)
            except TrilendError as error:
                here.rollback()
                return _back_to_sign_in(error)

    @open_page("/login/forgot", methods=("GET", "POST"))
    def forgot(self) -> Answer:
        """Have a link sent; the answer is the same whoever is named."""
        form = ForgottenForm()
        if form.validate_on_submit():
            with recording():
                try:
                    ask_for_reset(tenant_session(), form.username.data, client_address())
                except TooManyTries as error:
                    form.username.errors = [str(error)]
                    return render_template("access/forgot.html", form=form), error.status
                tenant_session().commit()
            return render_template("access/forgot_sent.html")
        return render_template("access/forgot.html", form=form), 422 if form.is_submitted() else 200

    @open_page("/login/reset/<token>", methods=("GET", "POST"))
    def reset(self, token: str) -> Answer:
        """Choose a new password by the link from a mail."""
        here, form = tenant_session(), NewPasswordForm()
        if not tickets.is_good(here, RESET, token):
            raise TicketGone
        if form.validate_on_submit():
            try:
                reset_password(here, token, form.password.data)
            except UnfitPassword as error:
                here.rollback()
                form.password.errors = [str(error)]
            else:
                here.commit()
                flash(gettext("Your password is changed. Sign in with the new one."), "success")
                return redirect(url_for(".login"))
        least = rules_of(here).password_length
        page = render_template("access/reset.html", form=form, least=least)
        return page, 422 if form.is_submitted() else 200

    @open_page("/logout/")
    def logout(self) -> Response:
        """Sign out: the session's row ends with it."""
        found = g.get("trilend_presence") if g.user.is_authenticated else None
        if found is not None and is_recorded():
            user_id, browser_id = found.person.id, found.browser.id
            with recording():
                browser_sessions.end(tenant_session(), user_id, browser_id)
                tenant_session().commit()
        logout_user()
        begin_session_anew()
        return redirect(url_for(".login"))


def _sign_in_page(form: SignInForm, status: int) -> tuple[str, int]:
    here = tenant_session()
    page = render_template(
        "access/sign_in.html",
        form=form,
        provider=provider_in_use(here),
        passwords_allowed=rules_of(here).passwords_allowed,
        next_url=_next(),
    )
    return page, status


def _finish(person: User, method: SignInMethod, next_url: str) -> Response:
    """Open the session, with a cookie of its own for the device, and go where the person wanted to go."""
    here = tenant_session()
    device = request.cookies.get(_DEVICE, "") or secrets.token_urlsafe(32)
    visit = Visit(client_address(), device_name(request.headers.get("User-Agent", "")), device)
    token = let_in(here, person, method, visit)
    here.commit()
    begin_session_anew()
    login_user(person)
    session[TOKEN] = token
    response: Response = make_response(redirect(next_url))
    response.set_cookie(
        _DEVICE, device, max_age=_YEAR, httponly=True, samesite="Lax", secure=settings().scheme == "https"
    )
    return response


def _let_in_unlisted(form: SignInForm, name: str, password: str) -> Answer:
    """While nothing can be written, a password alone lets in to read, for those who need nothing else."""
    here = tenant_session()
    try:
        person = unrecorded.check_password(here, name, password, client_address())
    except TrilendError as error:
        form.password.errors = [str(error)]
        return _sign_in_page(form, error.status)
    begin_session_anew()
    login_user(person)
    session[UNLISTED] = True
    return redirect(_next())


def _pending() -> dict[str, Any] | None:
    waiting = session.get(_PENDING)
    if not isinstance(waiting, dict) or time.time() - waiting["at"] > _PENDING_SECONDS:
        return None
    return waiting


def _next() -> str:
    return _own_path(request.args.get("next", ""))


def _own_path(asked: str) -> str:
    """The path asked for, where it is one of this site; the library gives whole addresses of it, too."""
    own = request.host_url.rstrip("/")
    return safe_return_path(asked.removeprefix(own) if asked.startswith(f"{own}/") else asked)


def _back_to_sign_in(error: TrilendError) -> Response:
    flash(str(error), "danger")
    return redirect(url_for("SignInView.login"))
