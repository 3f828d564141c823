"""Importing applications from a workbook: choose, progress, result."""

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from werkzeug.wrappers import Response

from trilend.documents.service import document, stored_of
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.jobs.models import Job, JobState
from trilend.storage.downloads import file_response
from trilend.tenancy.context import tenant_session
from trilend_microfinance.importing.errors import UnreadableWorkbook
from trilend_microfinance.importing.service import XLSX, batch, batches, begin_import
from trilend_microfinance.importing.workbook import COLUMNS, write_rejected


class WorkbookForm(FlaskForm):  # type: ignore[misc]
    """The workbook."""

    file = FileField(_l("Workbook (.xlsx)"), validators=[FileRequired(_l("Choose a workbook."))])


class ImportsView(BaseView):  # type: ignore[misc]
    """Applications from workbooks."""

    route_base = "/imports"
    class_permission_name = "Applications"
    default_view = "begin"

    @page("/", permission="import", methods=("GET", "POST"))
    def begin(self) -> str | Response | tuple[str, int]:
        """Choose a workbook and start."""
        session = tenant_session()
        form = WorkbookForm()
        status = 200
        if form.validate_on_submit():
            upload = form.file.data
            try:
                begun = begin_import(
                    session, signed_in_actor(), file_name=upload.filename or "workbook.xlsx", content=upload.read()
                )
            except UnreadableWorkbook as error:
                form.file.errors = [error.message]
                status = error.status
            else:
                session.commit()
                return redirect(url_for(".detail", batch_id=begun.id))
        elif form.is_submitted():
            status = 422
        return render_template("microfinance/import.html", form=form, batches=batches(session), columns=COLUMNS), status

    @page("/<int:batch_id>", permission="import")
    def detail(self, batch_id: int) -> str:
        """How far an import is, and what became of its rows."""
        session = tenant_session()
        found = batch(session, batch_id)
        job = session.get(Job, found.job_id) if found.job_id else None
        moving = job is not None and job.state in (JobState.QUEUED, JobState.RUNNING)
        part = bool(request.headers.get("HX-Request"))
        template = "microfinance/import_state.html" if part else "microfinance/import_result.html"
        return render_template(template, batch=found, job=job, moving=moving)

    @page("/<int:batch_id>/rejected.xlsx", permission="import")
    def rejected(self, batch_id: int) -> FlaskResponse:
        """The rejected rows with their reasons."""
        session = tenant_session()
        filed = document(session, batch(session, batch_id).rejected_document_id or 0)
        return file_response(stored_of(filed), "rejected.xlsx", as_attachment=True)

    @page("/template.xlsx", permission="import")
    def template(self) -> FlaskResponse:
        """An empty workbook with the right columns."""
        return _xlsx(write_rejected([]), "applications.xlsx")


def _xlsx(content: bytes, name: str) -> FlaskResponse:
    return FlaskResponse(content, mimetype=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})
