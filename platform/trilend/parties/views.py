"""Pages of customers: list, one customer, adding one, revealing a masked field."""

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from markupsafe import escape
from werkzeug.wrappers import Response

from trilend.audit.service import history
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.lists.pages import list_page
from trilend.parameters.service import business_date
from trilend.parties.errors import InvalidParty, PartyExists
from trilend.parties.forms import PartyForm
from trilend.parties.identifiers import masked
from trilend.parties.listing import CUSTOMERS
from trilend.parties.models import PartyKind
from trilend.parties.service import PartyData, add_party, confirm_identifier, party, reveal
from trilend.tenancy.context import tenant_session


class PartiesView(BaseView):  # type: ignore[misc]
    """Customers and other parties."""

    route_base = "/customers"
    class_permission_name = "Parties"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str | Response:
        """All customers."""
        return list_page(CUSTOMERS, "parties/list.html")

    @page("/<int:party_id>", permission="show")
    def detail(self, party_id: int) -> str:
        """One customer, identifiers masked."""
        session = tenant_session()
        found = party(session, party_id)
        return render_template(
            "parties/detail.html", party=found, masked=masked, history=history(session, "party", party_id)
        )

    @page("/new", permission="add", methods=("GET", "POST"))
    def add(self) -> str | Response | tuple[str, int]:
        """Add a customer."""
        form = PartyForm()
        session = tenant_session()
        status = 200
        if form.validate_on_submit():
            try:
                added = add_party(session, signed_in_actor(), _data(form), on=business_date(session))
            except InvalidParty as error:
                form[error.field].errors = [error.message]
                status = error.status
            except PartyExists as error:
                form.identifier.errors = [error.message]
                status = error.status
            else:
                session.commit()
                flash(gettext("%(name)s has been recorded.", name=added.name), "success")
                return redirect(url_for(".detail", party_id=added.id))
        elif form.is_submitted():
            status = 422
        return render_template("parties/form.html", form=form), status

    @page("/<int:party_id>/confirm", permission="add", methods=("POST",))
    def confirm(self, party_id: int) -> Response:
        """Note that a doubtful identifier was held against the document."""
        session = tenant_session()
        confirm_identifier(session, signed_in_actor(), party(session, party_id))
        session.commit()
        return redirect(url_for(".detail", party_id=party_id))

    @page("/<int:party_id>/reveal/<field>", permission="reveal", methods=("POST",))
    def reveal(self, party_id: int, field: str) -> str:
        """Answer the full value of a masked field; the reason is logged."""
        session = tenant_session()
        reason = request.form.get("reason", "")
        value = reveal(session, signed_in_actor(), party(session, party_id), field, reason)
        session.commit()
        return str(escape(value))


def _data(form: PartyForm) -> PartyData:
    return PartyData(
        kind=PartyKind(form.kind.data),
        name=form.name.data,
        identifier=form.identifier.data,
        mobile=form.mobile.data,
        account_number=form.account_number.data,
        account_bank=form.account_bank.data or "",
        legal_representative=form.legal_representative.data or "",
    )
