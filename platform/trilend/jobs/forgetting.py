"""Lets go of jobs that were done, or given up, some weeks ago, and of what they were told in confidence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, String, and_, cast, delete, func, or_, select, update

from trilend.config import settings
from trilend.jobs.handlers import confidential_names, handles
from trilend.jobs.models import Job, JobState, Queue, RegistryJob
from trilend.jobs.rounds import Round, declare_round
from trilend.jobs.runs import JobRun, job_session
from trilend.tenancy.context import BoundTenant
from trilend.tenancy.service import open_tenants

log = structlog.get_logger(__name__)

FORGET = "jobs.forget"
_PORTION = 1_000
_OVER = (JobState.DONE, JobState.DISCARDED)
# A key refuses the same work a second time for as long as anything may ask for it again: the platform's rounds catch up
# with a moment of up to two months ago.
_KEY_DAYS = 100


@dataclass(frozen=True)
class Holder:
    """Numbers of jobs that another area still needs, in spaces of the kinds concerned; `None` is the platform's own."""

    ids: Callable[[], Select[Any]]
    of: Callable[[str | None], bool]


_holders: list[Holder] = []


def declare_holder(holder: Holder) -> None:
    """Keep the jobs that an area's rows point to for as long as they do."""
    _holders.append(holder)


def holders_of(kind: str | None) -> list[Holder]:
    """What keeps jobs in spaces of a kind, or in the platform's own table."""
    return [holder for holder in _holders if holder.of(kind)]


declare_round(Round(FORGET, "20 3 * * *"))


@handles(FORGET, label=_l("Clean-up of work that is done"), queue=Queue.BATCH)
def _forget(run: JobRun) -> dict[str, int]:
    tenants = open_tenants()
    gone = forget_jobs(None)
    for number, tenant in enumerate(tenants, start=1):
        try:
            gone += forget_jobs(tenant)
        except Exception:
            # A tenant whose server does not answer now keeps no other waiting; it is tomorrow's.
            log.exception("jobs not forgotten", tenant=tenant.id)
        run.progress(number, len(tenants))
    return {"gone": gone}


def forget_jobs(tenant: BoundTenant | None) -> int:
    """Remove a tenant's, or the platform's, jobs that were over `TRILEND_JOB_DAYS` ago; says how many went.

    Portion by portion, each committed. What waits, runs or failed and waits for a person stays, and so does what another
    area holds; the payloads of confidential jobs that are over are emptied whatever their age.
    """
    gone = 0
    with job_session(tenant) as (session, model):
        emptied = update(model).where(model.id.in_(_portion(model, _still_told(model)))).values(payload={})
        while _count(session, emptied) == _PORTION:
            pass
        removed = delete(model).where(model.id.in_(_portion(model, _is_old(model, tenant))))
        while count := _count(session, removed):
            gone += count
    return gone


def _count(session: Any, statement: Any) -> int:
    """Rows that a statement has changed; commits."""
    count: int = session.execute(statement, execution_options={"synchronize_session": False}).rowcount
    session.commit()
    return count


def _portion(model: type[Job] | type[RegistryJob], condition: ColumnElement[bool]) -> Select[Any]:
    """The oldest that meet a condition, without those that somebody works on at the moment."""
    return select(model.id).where(condition).order_by(model.id).limit(_PORTION).with_for_update(skip_locked=True)


def _still_told(model: type[Job] | type[RegistryJob]) -> ColumnElement[bool]:
    full = cast(model.payload, String) != "{}"
    return and_(model.state.in_(_OVER), model.name.in_(confidential_names()), full)


def _is_old(model: type[Job] | type[RegistryJob], tenant: BoundTenant | None) -> ColumnElement[bool]:
    def over_for(days: int) -> ColumnElement[bool]:
        return func.coalesce(model.finished_at, model.created_at) < func.now() - timedelta(days=days)

    days = settings().job_days
    age = or_(and_(model.key.is_(None), over_for(days)), over_for(max(days, _KEY_DAYS)))
    held = [model.id.not_in(holder.ids()) for holder in holders_of(tenant.kind if tenant else None)]
    return and_(model.state.in_(_OVER), age, *held)
