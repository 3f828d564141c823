"""Making contracts and reading them."""

from flask import Response as FlaskResponse
from flask import flash, redirect, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.documents.service import document, stored_of
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.storage.downloads import file_response
from trilend.tenancy.context import tenant_session
from trilend.web.shell import allow_framing_by_this_site
from trilend_microfinance.contracts.service import contract_envelope, make_contract, resend_link


class ContractsView(BaseView):  # type: ignore[misc]
    """Loan contracts."""

    route_base = "/contracts"
    class_permission_name = "Contracts"
    default_view = "file"

    @page("/for/<int:application_id>", permission="add", methods=("POST",))
    def make(self, application_id: int) -> Response:
        """Make the contract, seal it and send the borrower the link."""
        session = tenant_session()
        made = make_contract(session, signed_in_actor(), application_id)
        session.commit()
        flash(gettext("The contract is sealed, and the borrower has been sent the link to sign."), "success")
        return redirect(url_for("LoansView.detail", loan_id=made.id))

    @page("/<int:loan_id>/link", permission="add", methods=("POST",))
    def link(self, loan_id: int) -> Response:
        """Send the borrower a new link."""
        session = tenant_session()
        resend_link(session, signed_in_actor(), loan_id)
        session.commit()
        flash(gettext("The borrower has been sent a new link; the former one no longer works."), "success")
        return redirect(url_for("LoansView.detail", loan_id=loan_id))

    @page("/<int:loan_id>/contract.pdf", permission="show")
    def file(self, loan_id: int) -> FlaskResponse:
        """The contract as it stands."""
        session = tenant_session()
        filed = document(session, contract_envelope(session, loan_id).document_id)
        allow_framing_by_this_site()
        return file_response(stored_of(filed), "contract.pdf")
