"""What can be done with any list: columns, filters to keep, export, and the download of what was made."""

from flask import Response as FlaskResponse
from flask import abort, current_app, flash, g, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.db.base import now
from trilend.errors import NotFound
from trilend.identity.access import open_page, page
from trilend.identity.service import signed_in_actor
from trilend.jobs.models import Job, JobState
from trilend.kinds import Permission
from trilend.lists.errors import UnknownList
from trilend.lists.export import KEPT_DAYS, export_of, file_of, order_export
from trilend.lists.grammar import ListOf, list_named
from trilend.lists.pages import back_to
from trilend.lists.query import Query, read_query
from trilend.lists.reading import COUNTED, count
from trilend.lists.saved import begin_with, choose_columns, delete_filter, save_filter
from trilend.storage.downloads import file_response
from trilend.tenancy.context import tenant_session


class ListsView(BaseView):  # type: ignore[misc]
    """Lists as people want them. What is one's own asks for no more than the permission to see the list."""

    route_base = "/lists"
    class_permission_name = "Lists"
    default_view = "export"

    @open_page("/<name>/columns", methods=("POST",))
    def columns(self, name: str) -> Response:
        """Keep which columns one wants to see."""
        wanted, query = _asked(name)
        choose_columns(tenant_session(), g.user.id, wanted, request.form.getlist("column"))
        tenant_session.commit()
        return redirect(back_to(wanted, query.text), 303)

    @open_page("/<name>/filters", methods=("POST",))
    def keep(self, name: str) -> Response:
        """Keep the filters in force under a name, for oneself."""
        return _keep(name, shared=False)

    @page("/<name>/filters/share", permission="share", methods=("POST",))
    def share(self, name: str) -> Response:
        """Keep the filters in force under a name, for all who see the list."""
        return _keep(name, shared=True)

    @open_page("/<name>/filters/<int:filter_id>/first", methods=("POST",))
    def first(self, name: str, filter_id: int) -> Response:
        """Have the list open with a filter, or (0) with all rows."""
        wanted, query = _asked(name)
        begin_with(tenant_session(), g.user.id, wanted, filter_id or None)
        tenant_session.commit()
        return redirect(back_to(wanted, query.text), 303)

    @open_page("/<name>/filters/<int:filter_id>/delete", methods=("POST",))
    def forget(self, name: str, filter_id: int) -> Response:
        """Forget a filter."""
        wanted, query = _asked(name)
        may_share = _holds(("can_share", "Lists"))
        delete_filter(tenant_session(), signed_in_actor(), wanted, filter_id, may_share=may_share)
        tenant_session.commit()
        return redirect(back_to(wanted, query.text), 303)

    @page("/<name>/export", permission="export", methods=("POST",))
    def export(self, name: str) -> Response:
        """Start making a workbook of what the filters in force give."""
        wanted, query = _asked(name)
        session = tenant_session()
        total = count(session, wanted, query)
        made = order_export(session, signed_in_actor(), wanted, query, total=total if total <= COUNTED else 0)
        session.commit()
        return redirect(url_for(".exported", export_id=made.id), 303)

    @page("/exports/<int:export_id>", permission="export")
    def exported(self, export_id: int) -> str:
        """How far an export is, and the way to its file."""
        session = tenant_session()
        found = export_of(session, g.user.id, export_id)
        job = session.get(Job, found.job_id) if found.job_id else None
        part = "HX-Request" in request.headers
        return render_template(
            "lists/export_state.html" if part else "lists/export.html",
            export=found,
            job=job,
            list_title=list_named(found.list_name).title,
            back=back_to(list_named(found.list_name), found.wanted["query"]),
            ready=bool(found.object_key) and found.expires_at > now(),
            failed=job is not None and job.state in (JobState.FAILED, JobState.DISCARDED),
            days=KEPT_DAYS,
        )

    @page("/exports/<int:export_id>/file", permission="export")
    def download(self, export_id: int) -> FlaskResponse:
        """The workbook, for the person who asked for it."""
        stored, name = file_of(tenant_session(), g.user.id, export_id)
        return file_response(stored, name, as_attachment=True)


def _keep(name: str, *, shared: bool) -> Response:
    wanted, query = _asked(name)
    session = tenant_session()
    saved = save_filter(
        session, signed_in_actor(), wanted, name=request.form.get("name", ""), query=query.text, shared=shared
    )
    if "first" in request.form:
        begin_with(session, g.user.id, wanted, saved.id)
    session.commit()
    flash(gettext("Kept as “%(name)s”.", name=saved.name), "success")
    return redirect(back_to(wanted, query.text), 303)


def _asked(name: str) -> tuple[ListOf, Query]:
    """The list that is named, if the person may see it, and the query in the form; raises `UnknownList`."""
    if not g.user.is_authenticated:
        abort(403)
    try:
        wanted = list_named(name)
    except NotFound as error:
        raise UnknownList(name) from error
    if not _holds(wanted.permission):
        raise UnknownList(name)
    return wanted, read_query(wanted, request.form)


def _holds(permission: Permission) -> bool:
    return permission in current_app.appbuilder.sm.permissions_of(g.user.id)  # type: ignore[attr-defined]
