"""FAB's security manager with Trilend's way of signing in: sessions that can be ended, passwords by rules."""

from typing import Any

from flask import session
from flask_appbuilder.security.sqla.models import User
from flask_appbuilder.security.views import ResetMyPasswordView, ResetPasswordView

from trilend.access.account_views import redirect_to_password
from trilend.access.passwords import give_password
from trilend.access.presence import TOKEN, UNLISTED, look_up
from trilend.access.service import is_recorded
from trilend.access.sign_in_views import SignInView
from trilend.identity.access import page
from trilend.identity.security import TenantSecurityManager
from trilend.identity.trail import trace_password
from trilend.tenancy.context import current_tenant, tenant_session
from trilend.tenancy.errors import not_admitted


class ResetPassword(ResetPasswordView):  # type: ignore[misc]
    """An administrator sets somebody's password."""

    class_permission_name = "Users"


class ResetMyPassword(ResetMyPasswordView):  # type: ignore[misc]
    """Where the library's page for the own password was."""

    class_permission_name = "MyPassword"

    @page("/form", permission="this_form_get")
    def this_form_get(self) -> Any:
        """To the own account."""
        return redirect_to_password()

    @page("/form", permission="this_form_post", methods=("POST",))
    def this_form_post(self) -> Any:
        """To the own account."""
        return redirect_to_password()


class SignInSecurity(TenantSecurityManager):
    """Finds the person of a request by the session's row, and nobody where that has ended."""

    authdbview = SignInView
    resetmypasswordview = ResetMyPassword
    resetpasswordview = ResetPassword

    def load_user(self, pk: int) -> Any:
        """The person signed in at this browser; a row of the session, the rules and the person come in one query."""
        if TOKEN in session:
            found = look_up(int(pk))
            return found.person if found else None
        # Signed in while nothing could be written down: good for that while, in which nothing can be done either.
        if session.get(UNLISTED) and not is_recorded():
            return super().load_user(pk)
        return None

    def reset_password(self, userid: int, password: str) -> None:
        """Somebody else sets a password, to be changed at the next sign-in; raises `UnfitPassword`."""
        admission = current_tenant().admission
        if not admission.is_open:
            raise not_admitted(admission)
        chosen = tenant_session()
        person = chosen.get_one(User, int(userid))
        trace_password(chosen, person)
        give_password(chosen, person, password)
        chosen.commit()
