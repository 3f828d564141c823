"""Pages of customers: list, one customer, adding one, revealing a masked field."""

from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from markupsafe import escape
from werkzeug.wrappers import Response

from trilend.audit.service import history
from trilend.identity.access import holds, page
from trilend.identity.service import person_names, signed_in_actor
from trilend.organization.departments import department_name
from trilend.organization.handing_over import hand_over_one
from trilend.organization.models import Department
from trilend.organization.people import active_people
from trilend.parameters.service import business_date
from trilend.parties.errors import InvalidParty, PartyExists, RevealsUsedUp
from trilend.parties.forms import PartyForm
from trilend.parties.identifiers import masked
from trilend.parties.models import PartyKind
from trilend.parties.service import (
    PartyData,
    add_party,
    confirm_identifier,
    list_parties,
    party,
    reveal,
    reveals_left,
)
from trilend.parties.showing import BY_ROLE, shows_in_full
from trilend.tenancy.context import tenant_session

PAGE_SIZE = 50


class PartiesView(BaseView):  # type: ignore[misc]
    """Customers and other parties."""

    route_base = "/customers"
    class_permission_name = "Parties"
    default_view = "overview"
    # Seeing mobile numbers or accounts in full is no page of its own.
    base_permissions = [
        f"can_{act}" for act in ("list", "show", "add", "reveal", "hand_over", "see_mobile", "see_account")
    ]

    @page("/", permission="list")
    def overview(self) -> str:
        """All customers, searched and paged."""
        search = request.args.get("q", "").strip()
        page = max(1, request.args.get("page", 1, type=int))
        rows, total = list_parties(tenant_session(), search=search, offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
        return render_template(
            "parties/list.html", parties=rows, total=total, page=page, page_size=PAGE_SIZE, search=search, masked=masked
        )

    @page("/<int:party_id>", permission="show")
    def detail(self, party_id: int) -> str:
        """One customer, identifiers masked."""
        session = tenant_session()
        found = party(session, party_id)
        names = person_names(session, [found.owner_id])
        return render_template(
            "parties/detail.html",
            party=found,
            masked=masked,
            history=history(session, "party", party_id),
            owner=names.get(found.owner_id or 0, ""),
            department=department_name(session.get_one(Department, found.department_id)),
            colleagues=active_people(session, but=found.owner_id or 0) if holds("can_hand_over", "Parties") else (),
            in_full=[field for field in BY_ROLE if shows_in_full(field)],
            reveals_left=reveals_left(session, signed_in_actor()) if holds("can_reveal", "Parties") else None,
        )

    @page("/<int:party_id>/hand-over", permission="hand_over", methods=("POST",))
    def hand_over(self, party_id: int) -> Response:
        """Give the customer, with all applications and loans, to a colleague."""
        session = tenant_session()
        subject, actor = party(session, party_id), signed_in_actor()
        taker, reason = request.form.get("to", 0, type=int), request.form.get("reason", "")
        hand_over_one(session, actor, subject, taker, reason=reason)
        name = subject.name
        session.commit()
        flash(gettext("%(name)s has been handed over.", name=name), "success")
        return redirect(url_for(".overview"))

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
        try:
            value = reveal(session, signed_in_actor(), party(session, party_id), field, reason)
        except RevealsUsedUp as error:
            # The answer stands in the place of the value: there the sentence is read.
            session.rollback()
            value = str(error)
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
