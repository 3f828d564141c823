"""“My account”: password, second factor, passkeys, the browsers one is signed in with, language."""

from typing import Any

from flask import flash, make_response, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.access import browser_sessions, lockout, passkeys, second_factor
from trilend.access.errors import PasskeyRefused, UnfitPassword
from trilend.access.forms import AppForm, ChangePasswordForm, ConfirmForm, NewPasswordForm
from trilend.access.passwords import choose_password, is_right
from trilend.access.presence import factor_notice, own_page, present, this_site
from trilend.db.base import now
from trilend.errors import NotFound, TrilendError
from trilend.identity.labels import role_label
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import tenant_session
from trilend.web.language import safe_return_path

Answer = str | Response | tuple[str, int]


class AccountView(BaseView):  # type: ignore[misc]
    """What a person may see and change of the own account; asks for no permission but to be signed in."""

    route_base = "/account"
    default_view = "overview"

    @own_page("/")
    def overview(self) -> str:
        """Everything at a glance."""
        here, found = tenant_session(), present()
        return render_template(
            "access/account.html",
            person=found.person,
            roles=[role_label(role.name) for role in found.person.roles],
            account=found.account,
            codes_left=second_factor.recovery_codes_left(here, found.person.id),
            passkeys=passkeys.passkeys_of(here, found.person.id),
            sessions=browser_sessions.sessions_of(here, found.person.id),
            rules=found.rules,
            this=found.browser,
            now=now(),
            notice=factor_notice(found),
        )

    @own_page("/password", methods=("GET", "POST"))
    def password(self) -> Answer:
        """Change the own password; a temporary one needs no second telling of itself."""
        here, found = tenant_session(), present()
        asks_current = bool(found.person.password) and not found.is_temporary
        form = ChangePasswordForm() if asks_current else NewPasswordForm()
        if form.validate_on_submit():
            try:
                if asks_current:
                    _check_own_password(form.current.data)
            except TrilendError as error:
                form.current.errors = [str(error)]
            else:
                try:
                    choose_password(here, signed_in_actor(), found.person, form.password.data)
                except UnfitPassword as error:
                    here.rollback()
                    form.password.errors = [str(error)]
                else:
                    browser_sessions.end_all(here, found.person.id, but=found.browser.id)
                    here.commit()
                    flash(gettext("Your password is changed; all other browsers are signed out."), "success")
                    return redirect(url_for(".overview") if asks_current else "/")
        page = render_template(
            "access/password.html",
            form=form,
            asks_current=asks_current,
            is_temporary=present().is_temporary,
            least=present().rules.password_length,
        )
        return page, 422 if form.is_submitted() else 200

    @own_page("/confirm", methods=("GET", "POST"))
    def confirm(self) -> Answer:
        """Show once more who one is, before a change to how one signs in."""
        here, found, form = tenant_session(), present(), ConfirmForm()
        back = safe_return_path(request.args.get("next", ""))
        if form.validate_on_submit():
            try:
                _check_own_password(form.password.data)
            except TrilendError as error:
                form.password.errors = [str(error)]
            else:
                browser_sessions.confirm(here, found.browser.id)
                here.commit()
                return redirect(back)
        page = render_template(
            "access/confirm.html",
            form=form,
            back=back,
            has_password=bool(found.person.password),
            has_passkey=found.has_passkey,
        )
        return page, 422 if form.is_submitted() else 200

    @own_page("/confirm/passkey/options", methods=("POST",))
    def confirm_options(self) -> Any:
        """What the browser needs to use one of the own passkeys."""
        offer = passkeys.offer_use(tenant_session(), this_site(), present().person.id)
        tenant_session().commit()
        return offer

    @own_page("/confirm/passkey", methods=("POST",))
    def confirm_passkey(self) -> Any:
        """The browser's answer."""
        here, found, answer = tenant_session(), present(), _json()
        try:
            passkeys.use(here, this_site(), answer, found.person.id)
        except TrilendError as error:
            here.commit()
            return {"error": str(error)}, error.status
        browser_sessions.confirm(here, found.browser.id)
        here.commit()
        return {"next": safe_return_path(str(answer.get("next", "")))}

    @own_page("/app", methods=("GET", "POST"), fresh=True)
    def app(self) -> Answer:
        """Set an app for codes up."""
        here, found, form = tenant_session(), present(), AppForm()
        status = 200
        if form.validate_on_submit():
            try:
                codes = second_factor.turn_on(here, signed_in_actor(), found.person, form.code.data)
            except TrilendError as error:
                form.code.errors, status = [str(error)], error.status
            else:
                here.commit()
                return _codes_page(codes)
        secret = second_factor.secret_to_set_up(here, found.person)
        here.commit()
        picture = second_factor.qr_code(second_factor.address_for_app(found.person, secret))
        page = render_template("access/app.html", form=form, picture=picture, secret=_in_fours(secret))
        return _private(page, status if form.is_submitted() else 200)

    @own_page("/app/remove", methods=("POST",), fresh=True)
    def remove_app(self) -> Response:
        """Do without the app."""
        second_factor.turn_off(tenant_session(), signed_in_actor(), present().person)
        tenant_session().commit()
        flash(gettext("The app is removed. Its codes and the recovery codes are worth nothing now."), "success")
        return redirect(url_for(".overview"))

    @own_page("/codes", methods=("POST",), fresh=True)
    def codes(self) -> Answer:
        """New recovery codes instead of the old ones."""
        here, found = tenant_session(), present()
        if found.account is None or found.account.totp_since is None:
            raise NotFound(gettext("Set an app up first."))
        made = second_factor.new_recovery_codes(here, found.person.id)
        here.commit()
        return _codes_page(made)

    @own_page("/passkeys/options", methods=("POST",), fresh=True)
    def passkey_options(self) -> Any:
        """What the browser needs to make a passkey."""
        offer = passkeys.offer_making(tenant_session(), present().person, this_site())
        tenant_session().commit()
        return offer

    @own_page("/passkeys", methods=("POST",), fresh=True)
    def add_passkey(self) -> Any:
        """The passkey that the browser has made."""
        here, answer = tenant_session(), _json()
        try:
            name = str(answer.get("name") or present().browser.device)
            passkeys.make(here, signed_in_actor(), present().person, this_site(), answer, name)
        except TrilendError as error:
            here.commit()
            return {"error": str(error)}, error.status
        here.commit()
        flash(gettext("The passkey is added. You can sign in with it from now on."), "success")
        return {"next": url_for(".overview")}

    @own_page("/passkeys/<int:passkey_id>/rename", methods=("POST",))
    def rename_passkey(self, passkey_id: int) -> Response:
        """Call a passkey otherwise."""
        passkeys.rename(tenant_session(), present().person.id, passkey_id, request.form.get("name", ""))
        tenant_session().commit()
        return redirect(url_for(".overview"))

    @own_page("/passkeys/<int:passkey_id>/remove", methods=("POST",), fresh=True)
    def remove_passkey(self, passkey_id: int) -> Response:
        """Do without a passkey."""
        passkeys.remove(tenant_session(), signed_in_actor(), present().person.id, passkey_id)
        tenant_session().commit()
        flash(gettext("The passkey is removed and opens nothing any more. Delete it on the device, too."), "success")
        return redirect(url_for(".overview"))

    @own_page("/sessions/<int:browser_id>/end", methods=("POST",))
    def end_session(self, browser_id: int) -> Response:
        """Sign one of the own browsers out."""
        found = present()
        if browser_id == found.browser.id:
            return redirect(url_for("SignInView.logout"))
        if not browser_sessions.end(tenant_session(), found.person.id, browser_id):
            raise NotFound(gettext("You are not signed in there, or not any more."), id=browser_id)
        tenant_session().commit()
        flash(gettext("That browser is signed out."), "success")
        return redirect(url_for(".overview"))

    @own_page("/sessions/end-others", methods=("POST",))
    def end_others(self) -> Response:
        """Sign all own browsers out but this one."""
        found = present()
        browser_sessions.end_all(tenant_session(), found.person.id, but=found.browser.id)
        tenant_session().commit()
        flash(gettext("All other browsers are signed out."), "success")
        return redirect(url_for(".overview"))


def redirect_to_password() -> Response:
    """To the page on which one changes the own password."""
    return redirect(url_for("AccountView.password"))


def _check_own_password(entered: str) -> None:
    """Raise `UnfitPassword` for a wrong one; tries count like those of the sign-in."""
    here, person = tenant_session(), present().person
    key = lockout.account_key(person.id)
    lockout.count_try(here, key, lockout.PER_ACCOUNT)
    here.commit()
    if not is_right(person, entered):
        raise UnfitPassword(gettext("This is not your present password."))
    lockout.forgive(here, key)
    here.commit()


def _codes_page(codes: list[str]) -> Response:
    return _private(render_template("access/codes.html", codes=codes), 200)


def _private(page: str, status: int) -> Response:
    response: Response = make_response(page, status)
    response.headers["Cache-Control"] = "no-store"
    return response


def _in_fours(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _json() -> dict[str, Any]:
    answer = request.get_json(silent=True)
    if not isinstance(answer, dict):
        raise PasskeyRefused
    return answer
