"""“Sign-in and security”: how people of the company sign in, by which rules, and through which service of its own."""

from collections.abc import Callable

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_appbuilder.security.sqla.models import Role
from flask_babel import gettext, ngettext
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import Field

from trilend.access import people
from trilend.access.errors import NoWayBack, ProviderFailed
from trilend.access.forms import ProviderForm, RulesForm
from trilend.access.models import SecondFactorRule
from trilend.access.oidc.settings import WantedProvider, provider_of, set_provider
from trilend.access.presence import present, return_address
from trilend.access.rules import WantedRules, rules_of, set_rules
from trilend.identity.access import page
from trilend.identity.labels import role_label
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import tenant_session

PAGE_SIZE = 50
_TEXTS = ("label", "issuer", "client_id", "scopes", "username_claim", "name_claim", "email_claim", "groups_claim")
Answer = str | Response | tuple[str, int]


class SignInRulesView(BaseView):  # type: ignore[misc]
    """People and how they sign in, rules, the company's own service."""

    route_base = "/sign-in"
    class_permission_name = "SignInRules"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """Everybody, with what they sign in with, and who is locked."""
        number = max(1, request.args.get("page", 1, type=int))
        rows, total = people.people_and_how(tenant_session(), offset=(number - 1) * PAGE_SIZE, limit=PAGE_SIZE)
        return render_template(
            "access/people.html", people=rows, total=total, page=number, page_size=PAGE_SIZE, active="people"
        )

    @page("/people/<int:user_id>/unlock", permission="edit", methods=("POST",))
    def unlock(self, user_id: int) -> Response:
        """End a lock after too many failed tries."""
        people.unlock(tenant_session(), signed_in_actor(), user_id)
        tenant_session().commit()
        flash(gettext("The lock is lifted."), "success")
        return redirect(url_for(".overview"))

    @page("/people/<int:user_id>/sign-out", permission="edit", methods=("POST",))
    def sign_out(self, user_id: int) -> Response:
        """End all sessions of a person."""
        count = people.sign_out(tenant_session(), signed_in_actor(), user_id, but=present().browser.id)
        tenant_session().commit()
        flash(ngettext("One browser is signed out.", "%(num)d browsers are signed out.", count), "success")
        return redirect(url_for(".overview"))

    @page("/people/<int:user_id>/take-factors", permission="edit", methods=("POST",))
    def take_factors(self, user_id: int) -> Response:
        """Take the second factors of somebody who has lost the phone."""
        people.take_factors(tenant_session(), signed_in_actor(), user_id, but=present().browser.id)
        tenant_session().commit()
        flash(
            gettext("App, recovery codes and passkeys are removed; the person signs in by password alone."), "success"
        )
        return redirect(url_for(".overview"))

    @page("/rules", permission="edit", methods=("GET", "POST"))
    def rules(self) -> Answer:
        """The rules, and how to change them."""
        form = RulesForm(obj=rules_of(tenant_session()))
        if form.validate_on_submit():
            wanted = WantedRules(
                second_factor=SecondFactorRule(form.second_factor.data),
                grace_days=form.grace_days.data,
                idle_minutes=form.idle_minutes.data,
                session_hours=form.session_hours.data,
                password_length=form.password_length.data,
                passwords_allowed=form.passwords_allowed.data,
            )
            if self._kept(lambda: set_rules(tenant_session(), signed_in_actor(), wanted), form.passwords_allowed):
                flash(gettext("The rules are changed and hold from now on."), "success")
                return redirect(url_for(".rules"))
        answer = render_template("access/rules.html", form=form, active="rules")
        return answer, 422 if form.is_submitted() else 200

    @page("/service", permission="edit", methods=("GET", "POST"))
    def service(self) -> Answer:
        """The company's own sign-in service."""
        provider = provider_of(tenant_session())
        names = list(tenant_session.scalars(select(Role.name).order_by(Role.id)))
        # A role may be named as it is shown, or as it is stored.
        roles = {role_label(name): name for name in names} | {name: name for name in names}
        form = ProviderForm(obj=provider, roles=roles)
        if request.method == "GET":
            form.group_roles.data = _lines(provider.group_roles) if provider else ""
        if form.validate_on_submit():
            wanted = WantedProvider(
                **{name: form[name].data.strip() for name in _TEXTS},
                client_secret=form.client_secret.data.strip(),
                group_roles=form.mapping(),
                makes_accounts=form.makes_accounts.data,
                active=form.active.data,
            )
            if self._kept(lambda: set_provider(tenant_session(), signed_in_actor(), wanted), form.issuer):
                flash(gettext("The service is kept. Sign out and try the new button."), "success")
                return redirect(url_for(".service"))
        answer = render_template(
            "access/service.html",
            form=form,
            provider=provider,
            return_address=return_address(),
            role_names=[role_label(name) for name in names],
            active="service",
        )
        return answer, 422 if form.is_submitted() else 200

    def _kept(self, keep: Callable[[], object], field: Field) -> bool:
        """Do it and commit; a refusal stands at the field."""
        try:
            keep()
        except (NoWayBack, ProviderFailed) as error:
            tenant_session().rollback()
            field.errors = [str(error)]
            return False
        tenant_session().commit()
        return True


def _lines(mapping: dict[str, list[str]]) -> str:
    return "\n".join(f"{group} = {', '.join(role_label(name) for name in names)}" for group, names in mapping.items())
