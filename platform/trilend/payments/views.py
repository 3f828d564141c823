"""Pages of the bank statement."""

from flask_appbuilder import BaseView
from werkzeug.wrappers import Response

from trilend.identity.access import page
from trilend.lists.pages import list_page
from trilend.payments.listing import RECEIPTS


class StatementsView(BaseView):  # type: ignore[misc]
    """What the bank has booked, and what each entry is for."""

    route_base = "/statement"
    class_permission_name = "Statements"
    default_view = "entries"

    @page("/", permission="list")
    def entries(self) -> str | Response:
        """All statement entries, the newest first."""
        return list_page(RECEIPTS, "payments/statement.html")
