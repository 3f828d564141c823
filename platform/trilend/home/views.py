"""The start page of a tenant: what its kind shows, or the first steps while nothing has been done."""

from flask import current_app, g, redirect, render_template, url_for
from flask_appbuilder import IndexView
from flask_babel import gettext
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from trilend.identity.access import open_page
from trilend.kinds import kinds
from trilend.parameters.models import Parameter
from trilend.parties.models import Party
from trilend.plugin_host.models import Connection, ConnectionState
from trilend.tenancy.context import current_tenant, tenant_session


class HomeView(IndexView):  # type: ignore[misc]
    """The page one lands on."""

    @open_page("/")
    def index(self) -> str | Response:
        """The overview of the kind, above it the first steps that are left."""
        if not g.user.is_authenticated:
            return redirect(url_for("SignInView.login"))
        kind = kinds()[current_tenant().kind]
        session = tenant_session()
        panels = kind.overview(session) if kind.overview else {}
        return render_template(kind.home or "home/plain.html", kind=kind, first_steps=_first_steps(session), **panels)


def _first_steps(session: Session) -> list[dict[str, object]]:
    """What a new company still has to set up, each with the place where; empty once all is done."""
    held = current_app.appbuilder.sm.permissions_of(g.user.id)  # type: ignore[attr-defined]
    if ("can_edit", "Connections") not in held:
        return []
    topics = set(session.scalars(select(Connection.topic).where(Connection.state == ConnectionState.ACTIVE)))
    figures = set(session.scalars(select(Parameter.name)))
    customers = session.scalar(select(func.count()).select_from(Party)) or 0
    steps = [
        (gettext("Set up the company seal"), "esign" in topics, url_for("ConnectionsView.overview")),
        (gettext("Connect the bank account"), "bank" in topics, url_for("ConnectionsView.overview")),
        (gettext("Enter last year-end's net assets"), "net_assets" in figures, url_for("ParametersView.overview")),
        (gettext("Record the first customer"), customers > 0, url_for("PartiesView.overview")),
    ]
    return (
        []
        if all(done for _, done, _ in steps)
        else [{"label": label, "done": done, "url": url} for label, done, url in steps]
    )
