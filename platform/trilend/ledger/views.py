"""Pages of the books: journals with their lines, and the balance of each account."""

from flask import render_template, request
from flask_appbuilder import BaseView

from trilend.identity.access import page
from trilend.ledger.service import accounts, balances, journals
from trilend.tenancy.context import tenant_session

PAGE_SIZE = 50


class BooksView(BaseView):  # type: ignore[misc]
    """Journals and balances."""

    route_base = "/books"
    class_permission_name = "Books"
    default_view = "journals"

    @page("/", permission="list")
    def journals(self) -> str:
        """All journals, newest first."""
        page = max(1, request.args.get("page", 1, type=int))
        found, total = journals(tenant_session(), offset=(page - 1) * PAGE_SIZE, limit=PAGE_SIZE)
        return render_template("ledger/journals.html", journals=found, total=total, page=page, page_size=PAGE_SIZE)

    @page("/balances", permission="list")
    def balances(self) -> str:
        """The trial balance."""
        session = tenant_session()
        return render_template("ledger/balances.html", accounts=accounts(session), balances=balances(session))
