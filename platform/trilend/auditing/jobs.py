"""Background work on the log: the nightly anchor, a check that somebody asked for, an export that is large."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.audit.models import AuditHead, AuditLink
from trilend.audit.service import Actor, record
from trilend.auditing.anchors import anchor_chain
from trilend.auditing.checks import check_log, whole_check_is_due
from trilend.auditing.errors import ChainBroken, TooManyLines
from trilend.auditing.export import (
    MOST_IN_WORKBOOK,
    PORTION,
    ExportForm,
    Row,
    portions,
    workbook,
    written,
)
from trilend.auditing.listing import Filters, count_up_to, lines_in_log
from trilend.config import settings
from trilend.identity.service import actor_of
from trilend.jobs.models import Job
from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Queue, enqueue, handles
from trilend.storage.areas import TEXT, XLSX, Area
from trilend.storage.objects import put
from trilend.storage.sweeping import passes
from trilend.tenancy.context import tenant_session

log = structlog.get_logger(__name__)

ANCHOR_JOB = "auditing.anchor"
CHECK_JOB = "auditing.check"
EXPORT_JOB = "auditing.export"
SUBJECT = "audit_log"
AT_ONCE = 2_000
EXPORTS = Area("export", (XLSX, TEXT), megabytes=2000)

passes(EXPORTS, lambda: settings().export_days)


def order_check(session: Session, actor: Actor) -> Job:
    """Have the whole log checked in the background."""
    return enqueue(session, CHECK_JOB, {}, created_by=actor.user_id)  # type: ignore[return-value]


def order_export(session: Session, actor: Actor, filters: Filters, form: ExportForm) -> Job:
    """Have the lines that match taken out in the background; raises `TooManyLines` for a workbook that would burst."""
    if form == ExportForm.XLSX and count_up_to(session, filters, MOST_IN_WORKBOOK) > MOST_IN_WORKBOOK:
        raise TooManyLines(MOST_IN_WORKBOOK)
    payload = {"filters": filters.as_json(), "form": form}
    return enqueue(session, EXPORT_JOB, payload, created_by=actor.user_id)  # type: ignore[return-value]


def export_at_once(session: Session, actor: Actor, filters: Filters, form: ExportForm) -> bytes:
    """A small export as one piece; that it was made is logged and committed."""
    until, rows = lines_in_log(session), 0
    content = b""
    if form == ExportForm.XLSX:
        parts = list(portions(session, filters, until=until))
        content, rows = workbook(iter(parts)), sum(map(len, parts))
    else:
        for portion in portions(session, filters, until=until):
            content += written(form, portion, first=not rows)
            rows += len(portion)
    _log_export(session, actor, filters, form, rows)
    return content


declare_schedule(
    Declared(
        name="anchor_audit_log",
        job=ANCHOR_JOB,
        label=_l("Check and signature of the audit log"),
        hint=_l("Checks what came to the audit log since the day before, and has its end signed."),
        cron="40 0 * * *",
    )
)


@handles(ANCHOR_JOB, label=_l("Check and signature of the audit log"), queue=Queue.BATCH)
def _anchor(run: JobRun) -> dict[str, Any]:
    """Check what came since the last anchor (all of it once a week), then have the end signed."""
    session = tenant_session()
    verdict = check_log(session, whole=whole_check_is_due(session), progress=run.progress)
    if verdict.problem:
        log.error("audit log is not as it was written", problem=verdict.problem.kind, number=verdict.problem.number)
        raise ChainBroken(verdict.problem.number, verdict.problem.kind)
    end = verdict.chain.end
    link = session.get(AuditLink, end)
    session.rollback()
    made = anchor_chain(session, end, bytes(link.hash)) if link else None
    return {"number": end, "signed": made is not None}


@handles(CHECK_JOB, label=_l("Check of the audit log"))
def _check(run: JobRun) -> dict[str, Any]:
    verdict = check_log(tenant_session(), progress=run.progress)
    problem = verdict.problem
    return {
        "end": verdict.chain.end,
        "problem": problem.kind if problem else "",
        "number": problem.number if problem else 0,
    }


@handles(EXPORT_JOB, label=_l("Export of the audit log"))
def _export(run: JobRun) -> dict[str, Any]:
    session = tenant_session()
    filters, form = Filters.from_json(run.payload["filters"]), ExportForm(run.payload["form"])
    job = session.get_one(Job, run.id)
    actor = actor_of(session, job.created_by)
    until = session.query(AuditHead.number).scalar() or 0
    counted = _Counted(portions(session, filters, until=until, size=PORTION), until, run)
    if form == ExportForm.XLSX:
        content: bytes | Iterator[bytes] = workbook(iter(counted))
    else:
        content = (written(form, portion, first=not number) for number, portion in enumerate(counted))
    stored = put(session, EXPORTS, content, created_by=job.created_by)
    _log_export(session, actor, filters, form, counted.rows)
    return {"key": stored.key, "rows": counted.rows, "form": form}


@dataclass
class _Counted:
    """Portions of lines that are counted, and shown as progress, while they pass."""

    portions: Iterator[Sequence[Row]]
    until: int
    run: JobRun
    rows: int = 0

    def __iter__(self) -> Iterator[Sequence[Row]]:
        for portion in self.portions:
            yield portion
            self.rows += len(portion)
            self.run.progress(portion[-1]["number"], self.until)


def _log_export(session: Session, actor: Actor, filters: Filters, form: ExportForm, rows: int) -> None:
    chosen = {name: value for name, value in filters.as_json().items() if value not in ("", None)}
    record(session, actor, "audit.exported", SUBJECT, 0, form=str(form), rows=rows, filters=chosen)
    session.commit()
