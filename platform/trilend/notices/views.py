"""The pages of notices: all of one's own, and how one wants to be told."""

from flask import abort, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.identity.access import open_page
from trilend.identity.holders import permissions_held
from trilend.notices.service import choose_ways, mark_all_read, mark_read, notices_of, ways
from trilend.notices.sorts import Sort, sort_named, sorts_for
from trilend.tenancy.context import current_tenant, tenant_session

PAGE_SIZE = 50


class NoticesView(BaseView):  # type: ignore[misc]
    """What the person signed in is told: everybody has this page, and nobody sees another's."""

    route_base = "/notices"
    default_view = "overview"

    @open_page("/")
    def overview(self) -> str | Response:
        """The notices, newest first."""
        if (user_id := _person()) is None:
            return redirect(url_for("SignInView.login"))
        found = notices_of(tenant_session(), user_id, before=request.args.get("before", type=int), limit=PAGE_SIZE + 1)
        return render_template(
            "notices/list.html",
            notices=[(notice, sort_named(notice.sort)) for notice in found[:PAGE_SIZE]],
            older=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
        )

    @open_page("/<int:notice_id>", methods=("POST",))
    def read(self, notice_id: int) -> Response:
        """Mark one as read and go where it leads."""
        session = tenant_session()
        found = mark_read(session, _signed_in(), notice_id)
        if found is None:
            abort(404)
        where = found.url or url_for(".overview")
        session.commit()
        return redirect(where, 303)

    @open_page("/read", methods=("POST",))
    def read_all(self) -> Response:
        """Mark all that the page showed, and older ones, as read."""
        mark_all_read(tenant_session(), _signed_in(), until=request.form.get("until", 0, type=int))
        tenant_session.commit()
        return redirect(url_for(".overview"), 303)

    @open_page("/ways", methods=("GET", "POST"))
    def ways(self) -> str | Response:
        """Choose how one is told of what."""
        if (user_id := _person()) is None:
            return redirect(url_for("SignInView.login"))
        session = tenant_session()
        sorts = _sorts(user_id)
        if request.method == "POST":
            choose_ways(session, user_id, sorts, request.form.getlist("in_app"), request.form.getlist("mail"))
            session.commit()
            flash(gettext("Saved."), "success")
            return redirect(url_for(".overview"), 303)
        return render_template("notices/ways.html", ways=ways(session, user_id, sorts), address=g.user.email)


def _sorts(user_id: int) -> list[Sort]:
    return list(sorts_for(current_tenant().kind, permissions_held(tenant_session(), user_id)))


def _person() -> int | None:
    return g.user.id if g.user.is_authenticated else None


def _signed_in() -> int:
    user_id = _person()
    if user_id is None:
        abort(403)
    return user_id
