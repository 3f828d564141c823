"""Keeps what records are found by that were there before this was kept, portion by portion."""

from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Policy, Queue, handles
from trilend.search.models import SearchEntry
from trilend.search.service import Source, keep, sources
from trilend.tenancy.context import current_tenant, tenant_session

JOB = "search.fill"
PORTION = 500
_LABEL = _l("Making records findable")


def fill(session: Session, source: Source) -> int:
    """Keep the words of records of a source that have none, a portion a transaction; returns how many there were."""
    filled, key = 0, source.entity.id
    known = (SearchEntry.subject_type == source.name) & (SearchEntry.subject_id == key)
    lacking = (
        select(source.entity)
        .outerjoin(SearchEntry, known)
        .where(SearchEntry.subject_id.is_(None))
        .options(*source.options)
        .order_by(key)
        .limit(PORTION)
    )
    while records := session.scalars(lacking).all():
        keep(session, source, records)
        filled += len(records)
        session.commit()
        session.expunge_all()
    return filled


@handles(JOB, label=_LABEL, queue=Queue.BATCH, policy=Policy(limit_seconds=4 * 3600))
def _fill(run: JobRun) -> dict[str, Any]:
    session = tenant_session()
    wanted = sources(current_tenant().kind)
    filled = 0
    for number, source in enumerate(wanted, start=1):
        filled += fill(session, source)
        run.progress(number, len(wanted))
    return {"filled": filled}


declare_schedule(
    Declared(
        name="fill_search",
        job=JOB,
        label=_LABEL,
        hint=_l("Finds records that the search box does not know yet."),
        cron="20 3 * * *",
    )
)
