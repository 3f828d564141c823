"""Pages of the bank statement."""

from flask import render_template
from flask_appbuilder import BaseView

from trilend.identity.access import page
from trilend.payments.service import entries
from trilend.tenancy.context import tenant_session


class StatementsView(BaseView):  # type: ignore[misc]
    """What the bank has booked, and what each entry is for."""

    route_base = "/statement"
    class_permission_name = "Statements"
    default_view = "entries"

    @page("/", permission="list")
    def entries(self) -> str:
        """The newest statement entries."""
        return render_template("payments/statement.html", entries=entries(tenant_session()))
