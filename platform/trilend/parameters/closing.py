"""Closes business days one after the other, by hand or every night."""

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session

from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Policy, Queue, handles
from trilend.kinds import kinds
from trilend.parameters.service import business_date
from trilend.tenancy.context import current_tenant, tenant_session

JOB = "parameters.close_days"
END_OF_DAY = "end_of_day"
_ZONE = ZoneInfo("Asia/Shanghai")
_LABEL = _l("End of day")


def close_days(session: Session, last: date) -> list[dict[str, Any]]:
    """Close the bound tenant's business days up to `last`; a report for each day that was closed by this call.

    A kind without an end of day has none to close. Each day commits by itself.
    """
    close_day = kinds()[current_tenant().kind].end_of_day
    reports: list[dict[str, Any]] = []
    while close_day is not None and (day := business_date(session)) <= last:
        report = close_day(session, day)
        if not report.closed:
            break
        reports.append({"day": day, "loans": report.loans, "journals": report.journals, "failed": report.failed})
    return reports


@handles(JOB, label=_LABEL, queue=Queue.BATCH, policy=Policy(limit_seconds=4 * 3600))
def _close_nightly(run: JobRun) -> dict[str, Any]:
    reports = close_days(tenant_session(), _last_day(run.payload))
    return {"days": len(reports), "failed": sum(len(report["failed"]) for report in reports)}


def _last_day(payload: dict[str, Any]) -> date:
    """The day that is named, or the one before that on which the schedule started the work."""
    if "last" in payload:
        return date.fromisoformat(payload["last"])
    return datetime.fromisoformat(payload["at"]).astimezone(_ZONE).date() - timedelta(days=1)


declare_schedule(
    Declared(
        name=END_OF_DAY,
        job=JOB,
        label=_LABEL,
        hint=_l("Closes every business day before the one on which it runs."),
        cron="10 0 * * *",
        has=lambda kind: kinds()[kind].end_of_day is not None,
    )
)
