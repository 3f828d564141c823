"""Pages of the audit log: the list, one line, the state of the chain, checks, exports and anchors."""

import base64
import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from flask import Response as FlaskResponse
from flask import redirect, render_template, request, url_for
from flask_appbuilder import BaseView
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from werkzeug.wrappers import Response

from trilend.audit.labels import act_label, subject_label
from trilend.audit.models import AuditAnchor
from trilend.auditing.anchors import newest_anchor
from trilend.auditing.checks import last_check
from trilend.auditing.errors import ExportGone
from trilend.auditing.export import MEDIA_TYPES, ExportForm
from trilend.auditing.jobs import AT_ONCE, CHECK_JOB, EXPORT_JOB, export_at_once, order_check, order_export
from trilend.auditing.listing import Cursor, Filters, choices, count_up_to, line_of, lines_in_log, page_of
from trilend.auditing.subjects import subject_types, subject_url
from trilend.config import settings
from trilend.errors import NotFound
from trilend.identity.access import page
from trilend.identity.service import signed_in_actor
from trilend.jobs.models import Job, JobState
from trilend.storage.errors import ObjectMissing
from trilend.storage.objects import find, pieces
from trilend.tenancy.context import tenant_session


class AuditLogView(BaseView):  # type: ignore[misc]
    """Who did what, when and why."""

    route_base = "/audit"
    class_permission_name = "AuditLog"
    default_view = "overview"

    @page("/", permission="list")
    def overview(self) -> str:
        """The log, newest first."""
        session = tenant_session()
        filters = _filters(request.args)
        return render_template(
            "auditing/list.html",
            found=page_of(session, filters, Cursor.read(request.args.get("at", ""))),
            filters=filters,
            actors=choices(session, "actor"),
            acts=sorted(((act, str(act_label(act))) for act in choices(session, "act")), key=lambda each: each[1]),
            subjects=[(name, subject_label(name)) for name in subject_types()],
            forms=list(ExportForm),
            **_state(),
        )

    @page("/<int:entry_id>", permission="list")
    def detail(self, entry_id: int) -> str:
        """One line: what changed, and its place in the chain."""
        found = line_of(tenant_session(), entry_id)
        url = subject_url(found.entry.subject_type, found.entry.subject_id)
        return render_template("auditing/detail.html", line=found, entry=found.entry, subject_url=url)

    @page("/anchors", permission="list")
    def anchors(self) -> str:
        """The signed ends of the chain."""
        rows = tenant_session.scalars(select(AuditAnchor).order_by(AuditAnchor.number.desc()).limit(400)).all()
        return render_template("auditing/anchors.html", anchors=rows)

    @page("/anchors.json", permission="export")
    def anchors_file(self) -> FlaskResponse:
        """All anchors with their signatures, to be kept outside."""
        rows = tenant_session.scalars(select(AuditAnchor).order_by(AuditAnchor.number))
        content = json.dumps([_anchor(row) for row in rows], ensure_ascii=False, indent=1)
        return _download(content.encode(), "application/json", "anchors.json")

    @page("/check", permission="check", methods=("POST",))
    def check(self) -> Response:
        """Have the whole chain checked."""
        session = tenant_session()
        job = order_check(session, signed_in_actor())
        session.commit()
        return redirect(url_for(".work", job_id=job.id))

    @page("/export", permission="export", methods=("POST",))
    def export(self) -> Response | FlaskResponse:
        """Take out the lines that match: at once if they are few, else in the background."""
        session = tenant_session()
        filters, form = _filters(request.form), _form(request.form.get("form", ""))
        if count_up_to(session, filters, AT_ONCE) <= AT_ONCE:
            content = export_at_once(session, signed_in_actor(), filters, form)
            return _download(content, MEDIA_TYPES[form], f"audit.{form}")
        job = order_export(session, signed_in_actor(), filters, form)
        session.commit()
        return redirect(url_for(".work", job_id=job.id))

    @page("/work/<int:job_id>", permission="list")
    def work(self, job_id: int) -> str:
        """How far a check or an export is."""
        template = "auditing/work_state.html" if request.headers.get("HX-Request") else "auditing/work.html"
        return render_template(
            template, job=_job(job_id, CHECK_JOB, EXPORT_JOB), poll_url=request.path, days=settings().export_days
        )

    @page("/work/<int:job_id>/file", permission="export")
    def file(self, job_id: int) -> FlaskResponse:
        """An export that was made in the background."""
        job = _job(job_id, EXPORT_JOB)
        if job.state != JobState.DONE or not job.result:
            raise NotFound(_l("This export is not ready."), id=job_id)
        form = ExportForm(job.result["form"])
        try:
            stored = find(tenant_session(), job.result["key"])
        except ObjectMissing as error:
            raise ExportGone(settings().export_days) from error
        return _download(pieces(stored), MEDIA_TYPES[form], f"audit.{form}")


def _filters(given: Any) -> Filters:
    return Filters(
        actor=given.get("actor", "").strip()[:100],
        act=given.get("act", "").strip()[:64],
        subject_type=given.get("subject", "").strip()[:32],
        subject_id=_number(given.get("id", "")),
        since=_day(given.get("since", "")),
        until=_day(given.get("until", "")),
    )


def _number(given: str) -> int | None:
    given = given.strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < 18 else None


def _day(given: str) -> date | None:
    try:
        day = date.fromisoformat(given.strip())
    except ValueError:
        return None
    return day if 1900 < day.year < 9999 else None


def _form(given: str) -> ExportForm:
    try:
        return ExportForm(given)
    except ValueError:
        return ExportForm.JSONL


def _state() -> dict[str, Any]:
    session = tenant_session()
    anchor, lines = newest_anchor(session), lines_in_log(session)
    return {
        "check": last_check(session),
        "anchor": anchor,
        "lines": lines,
        "waiting": lines - (anchor.number if anchor else 0),
    }


def _job(job_id: int, *names: str) -> Job:
    job = tenant_session.get(Job, job_id)
    if job is None or job.name not in names:
        raise NotFound(_l("This check or export is not known."), id=job_id)
    return job


def _anchor(row: AuditAnchor) -> dict[str, Any]:
    return {
        "number": row.number,
        "hash": bytes(row.hash).hex(),
        "method": row.method,
        "signer": row.signer,
        "signed_at": row.signed_at.isoformat(),
        "statement": row.statement,
        "signature": base64.b64encode(row.signature).decode(),
    }


def _download(content: bytes | Iterator[bytes], media_type: str, name: str) -> FlaskResponse:
    return FlaskResponse(
        content, content_type=media_type, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
