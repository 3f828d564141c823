"""The page on which a company exports itself: a passphrase, progress, and a download that expires."""

from typing import Any

from flask import Response as StreamedResponse
from flask import flash, redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import PasswordField
from wtforms.validators import EqualTo, InputRequired, Length

from trilend.archives.keys import SHORTEST_PASSPHRASE
from trilend.archives.labels import stage_badge
from trilend.archives.models import Stage
from trilend.archives.requests import exported_file, exports_of, request_export
from trilend.audit.service import record
from trilend.config import settings
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.jobs.models import JobState
from trilend.tenancy.context import RegistrySession, bookkeeping, current_tenant, tenant_session


class ExportForm(FlaskForm):  # type: ignore[misc]
    """The passphrase of an export, twice."""

    passphrase = PasswordField(
        _l("Passphrase"),
        validators=[
            InputRequired(_l("Enter a passphrase.")),
            Length(min=SHORTEST_PASSPHRASE, message=_l("Use 12 characters or more.")),
        ],
        description=_l("Nobody can open the export without it, and nobody can tell it to you again. Keep it apart."),
    )
    again = PasswordField(
        _l("Passphrase again"), validators=[EqualTo("passphrase", _l("The two passphrases are not the same."))]
    )


class ArchivesView(BaseView):  # type: ignore[misc]
    """Exports of the company."""

    route_base = "/exports"
    class_permission_name = "Archives"
    default_view = "overview"

    @page("/", permission="export", methods=("GET", "POST"))
    def overview(self) -> str | Response | tuple[str, int]:
        """The exports there are, and the form for a new one."""
        form = ExportForm()
        if form.validate_on_submit():
            _log("company.export_asked")
            with RegistrySession() as registry:
                request_export(registry, current_tenant().id, form.passphrase.data, actor=signed_in_actor().name)
                registry.commit()
            flash(gettext("The export is being made. You may leave this page."), "success")
            return redirect(url_for(".overview"), 303)
        return _rendered("archives/exports.html", form=form), 422 if form.is_submitted() else 200

    @page("/state", permission="export")
    def state(self) -> str:
        """The list alone, for the page that asks until nothing is at work any more."""
        return _rendered("archives/export_list.html")

    @page("/<int:passage_id>/archive", permission="export")
    def download(self, passage_id: int) -> StreamedResponse:
        """The file, piece by piece; each download is logged."""
        tenant = current_tenant()
        with RegistrySession() as registry:
            passage, pieces = exported_file(registry, tenant.id, passage_id)
            day, size = passage.created_at.date().isoformat(), passage.details["made"]["size"]
        _log("company.export_downloaded", export=passage_id)
        headers = {
            "Content-Disposition": f'attachment; filename="{tenant.slug}-{day}.zip"',
            "Content-Length": str(size),
            "Cache-Control": "no-store",
        }
        return StreamedResponse(pieces, mimetype="application/zip", headers=headers)


def _rendered(template: str, **values: object) -> str:
    with RegistrySession() as registry:
        exports = exports_of(registry, current_tenant().id)
        registry.expunge_all()
    at_work = any(
        passage.stage == Stage.BEGUN and (job is None or job.state != JobState.FAILED) for passage, job in exports
    )
    return render_template(
        template,
        exports=exports,
        at_work=at_work,
        stage_badge=stage_badge,
        days=settings().export_days,
        polled=request.endpoint == "ArchivesView.state",
        **values,
    )


def _log(act: str, **details: Any) -> None:
    """Write a line also for a company that may only be read: exporting is what is left to it."""
    actor = signed_in_actor()
    with bookkeeping():
        record(tenant_session(), actor, act, "tenant", 0, **details)
        tenant_session.commit()
