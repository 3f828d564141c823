"""The search box's answers: while typing as a part of the page, and as a page of their own."""

from flask import abort, current_app, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from werkzeug.wrappers import Response

from trilend.identity.access import open_page
from trilend.search.service import search, sources
from trilend.tenancy.context import current_tenant, tenant_session

_LONGEST = 60


class SearchView(BaseView):  # type: ignore[misc]
    """Finds what the person signed in may see; everybody who is signed in has it."""

    route_base = "/search"
    default_view = "results"

    @open_page("/")
    def results(self) -> str | Response:
        """What was found, grouped by what it is."""
        part = "HX-Request" in request.headers
        if not g.user.is_authenticated:
            if part:
                abort(403)
            return redirect(url_for("SignInView.login"))
        entered = " ".join(request.args.get("q", "").split())[:_LONGEST]
        held = current_app.appbuilder.sm.permissions_of(g.user.id)  # type: ignore[attr-defined]
        wanted = [source for source in sources(current_tenant().kind) if source.permission in held]
        found = search(tenant_session(), entered, wanted) if entered else {}
        return render_template(
            "search/hits.html" if part else "search/page.html", entered=entered, found=found, searched=wanted
        )
