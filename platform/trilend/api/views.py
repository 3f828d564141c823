"""The pages on which an administrator adds programs and switches them off."""

from flask import redirect, render_template, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from sqlalchemy import select
from werkzeug.wrappers import Response
from wtforms import Field, RadioField, SelectChoice, SelectMultipleField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, ValidationError

from trilend.api.interface import interface_of_tenant
from trilend.api.oauth.clients import MOST_ADDRESSES, addresses_of, refused_addresses
from trilend.identity.access import page
from trilend.identity.models import ApiClient, ProgramKind
from trilend.identity.scopes import SCOPES
from trilend.identity.service import add_api_client, revoke_api_client, signed_in_actor
from trilend.tenancy.context import tenant_session

KINDS = {
    ProgramKind.SERVICE: _l("For the company itself, such as your accounting system"),
    ProgramKind.WEB: _l("For people who agree to it, from a server of the program"),
    ProgramKind.NATIVE: _l("For people who agree to it, on their own computer or telephone"),
}


class ApiClientForm(FlaskForm):  # type: ignore[misc]
    """A program that may call the API."""

    name = StringField(_l("Name of the program"), validators=[InputRequired(_l("Enter a name.")), Length(max=100)])
    kind = RadioField(
        _l("For whom it acts"),
        choices=[SelectChoice(kind, label) for kind, label in KINDS.items()],
        default=ProgramKind.SERVICE,
    )
    redirect_uris = TextAreaField(
        _l("Addresses to return to"),
        description=_l("Only where people have to agree: one address a line, exactly as the program sends it."),
    )
    scopes = SelectMultipleField(_l("What it may do"), validators=[InputRequired(_l("Choose at least one right."))])

    def validate_redirect_uris(self, field: Field) -> None:
        """A program that asks people needs good addresses, one that does not needs none."""
        addresses = (field.data or "").split()
        kind = ProgramKind(self.kind.data or ProgramKind.SERVICE)
        if kind == ProgramKind.SERVICE:
            if addresses:
                raise ValidationError(gettext("A program that acts for the company itself needs no address."))
            return
        if not 1 <= len(addresses) <= MOST_ADDRESSES:
            raise ValidationError(gettext("Enter one to %(most)d addresses.", most=MOST_ADDRESSES))
        if refused := refused_addresses(addresses, kind):
            raise ValidationError(
                gettext(
                    "Use addresses that begin with https:// and have no “#”. Not allowed: %(which)s", which=refused[0]
                )
            )


class ApiClientsView(BaseView):  # type: ignore[misc]
    """Programs of the company."""

    route_base = "/api-clients"
    class_permission_name = "ApiClients"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """All programs."""
        clients = tenant_session.scalars(select(ApiClient).order_by(ApiClient.active.desc(), ApiClient.name)).all()
        return render_template(
            "api/api_clients.html", clients=clients, labels=SCOPES, kinds=KINDS, addresses_of=addresses_of
        )

    @page("/new", permission="edit", methods=("GET", "POST"))
    def add(self) -> str | tuple[str, int]:
        """Add a program; its secret is shown once, on the answer to this request."""
        form = ApiClientForm()
        form.scopes.choices = [SelectChoice(code, SCOPES[code]) for code in interface_of_tenant().scopes]
        if form.validate_on_submit():
            client, secret = add_api_client(
                tenant_session(),
                signed_in_actor(),
                name=form.name.data,
                scopes=form.scopes.data,
                kind=ProgramKind(form.kind.data),
                redirect_uris=(form.redirect_uris.data or "").split(),
            )
            tenant_session.commit()
            return render_template("api/api_client_made.html", client=client, secret=secret)
        return render_template("api/api_client_form.html", form=form), 422 if form.is_submitted() else 200

    @page("/<int:client_id>/revoke", permission="edit", methods=("POST",))
    def revoke(self, client_id: int) -> Response:
        """Refuse a program from now on; its tokens die with it."""
        revoke_api_client(tenant_session(), signed_in_actor(), client_id)
        tenant_session.commit()
        return redirect(url_for(".overview"))
