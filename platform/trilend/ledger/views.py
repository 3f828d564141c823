"""Pages of the books: journals with their lines, and the balance of each account."""

from flask import render_template
from flask_appbuilder import BaseView
from werkzeug.wrappers import Response

from trilend.identity.access import page
from trilend.ledger.listing import JOURNALS
from trilend.ledger.service import accounts, balances
from trilend.lists.pages import list_page
from trilend.tenancy.context import tenant_session


class BooksView(BaseView):  # type: ignore[misc]
    """Journals and balances."""

    route_base = "/books"
    class_permission_name = "Books"
    default_view = "journals"

    @page("/", permission="list")
    def journals(self) -> str | Response:
        """All journals by their lines, newest first."""
        return list_page(JOURNALS, "ledger/journals.html")

    @page("/balances", permission="list")
    def balances(self) -> str:
        """The trial balance."""
        session = tenant_session()
        return render_template("ledger/balances.html", accounts=accounts(session), balances=balances(session))
