"""Closes business days one after the other, by hand or every night."""

from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from trilend.jobs.service import JobRun, handles
from trilend.kinds import kinds
from trilend.parameters.service import business_date
from trilend.tenancy.context import current_tenant, tenant_session

JOB = "parameters.close_days"


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


@handles(JOB)
def _close_nightly(run: JobRun) -> dict[str, Any]:
    reports = close_days(tenant_session(), date.fromisoformat(run.payload["last"]))
    return {"days": len(reports), "failed": sum(len(report["failed"]) for report in reports)}
