"""What the platform itself does by the clock: declared in code, begun once for each moment however many beats there are."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.jobs.models import JobState, RegistryJob
from trilend.jobs.schedules import next_after
from trilend.jobs.service import enqueue_once
from trilend.tenancy.context import RegistrySession

_ZONE = "Asia/Shanghai"
# How far back to look for the last moment of a rhythm; the first that finds one keeps the search short.
_BACK = (timedelta(minutes=2), timedelta(hours=2), timedelta(days=2), timedelta(days=62))


@dataclass(frozen=True)
class Round:
    """A job of the platform's own and its rhythm: `cron` in China's time; `wanted` asks whether there is anything to do."""

    job: str
    cron: str
    wanted: Callable[[Session], bool] = lambda _session: True


_rounds: dict[str, Round] = {}
_begun: dict[str, datetime] = {}


def declare_round(declared: Round) -> None:
    """Have a job of the platform done by the clock."""
    _rounds[declared.job] = declared


def begin_rounds(at: datetime) -> None:
    """Add the jobs whose moment has come, unless one of the same name waits or runs; a missed moment is caught up once."""
    due = {
        each.job: moment for each in _rounds.values() if _begun.get(each.job) != (moment := last_moment(each.cron, at))
    }
    if not due:
        return
    with RegistrySession() as session:
        open_states = (JobState.QUEUED, JobState.RUNNING)
        at_work = set(
            session.scalars(
                select(RegistryJob.name).where(RegistryJob.name.in_(due), RegistryJob.state.in_(open_states))
            )
        )
        for job, moment in due.items():
            if job not in at_work and _rounds[job].wanted(session):
                enqueue_once(session, f"round.{job}.{moment.isoformat()}", job, {})
        session.commit()
    _begun.update(due)


def last_moment(cron: str, at: datetime) -> datetime:
    """The last moment of a rhythm that is not after `at`."""
    for back in _BACK:
        moment = next_after(cron, _ZONE, at - back)
        if moment <= at:
            break
    while (following := next_after(cron, _ZONE, moment)) <= at:
        moment = following
    return moment
