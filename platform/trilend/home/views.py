"""The start page of a tenant: what its kind shows, or the first steps while nothing has been done."""

from collections.abc import Collection

from flask import current_app, g, redirect, render_template, url_for
from flask_appbuilder import IndexView
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from trilend.home.first_steps import first_steps
from trilend.home.worklist import waiting_for
from trilend.identity.access import open_page
from trilend.kinds import Permission, kinds
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
        held = current_app.appbuilder.sm.permissions_of(g.user.id)  # type: ignore[attr-defined]
        return render_template(
            kind.home or "home/plain.html",
            kind=kind,
            first_steps=_shown_steps(session, held),
            work=waiting_for(session, g.user.id, kind, held),
            **panels,
        )


def _shown_steps(session: Session, held: Collection[Permission]) -> list[dict[str, object]]:
    """What a new company still has to set up, each with the place where; empty once all is done."""
    if ("can_edit", "Connections") not in held:
        return []
    steps = first_steps(session)
    urls = {"seal": "ConnectionsView.overview", "bank": "ConnectionsView.overview"}
    urls |= {"figures": "ParametersView.overview", "customer": "PartiesView.overview"}
    shown = [{"label": step.label, "done": step.done, "url": url_for(urls[step.name])} for step in steps]
    return [] if all(step.done for step in steps) else shown
