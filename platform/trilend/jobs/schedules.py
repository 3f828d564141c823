"""Work that tenants have done by the clock: declared with defaults, kept as rows that each tenant may change."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from celery.schedules import ParseException, crontab
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.jobs.errors import InvalidTime
from trilend.jobs.handlers import queue_of
from trilend.jobs.models import Job, JobState, Queue, Schedule
from trilend.jobs.origin import here
from trilend.kinds import kinds
from trilend.tenancy.context import BoundTenant

_DAILY = "{minute} {hour} * * *"


@dataclass(frozen=True)
class Declared:
    """What a tenant has by the clock unless it changes it; `has` says which kinds have it.

    `cron` has five fields (minute, hour, day of month, month, day of week) in the tenant's time zone.
    """

    name: str
    job: str
    label: Any
    cron: str
    hint: Any = ""
    payload: Mapping[str, Any] = field(default_factory=dict)
    has: Callable[[str], bool] = lambda _kind: True
    time_zone: str = "Asia/Shanghai"


_declared: dict[str, Declared] = {}


def declare_schedule(declared: Declared) -> None:
    """Give every tenant of the kinds concerned this schedule; those that are there get it at the next look."""
    crontab.from_string(declared.cron)
    _declared[declared.name] = declared


def declared_for(kind: str) -> Sequence[Declared]:
    """The schedules of a kind."""
    return [each for each in _declared.values() if each.has(kind)]


def declared(name: str) -> Declared | None:
    """The declaration behind a row; none when this release no longer has it."""
    return _declared.get(name)


def next_after(cron: str, zone: str, instant: datetime) -> datetime:
    """The first instant after `instant` at which a cron line of that time zone is due; raises `InvalidTime`."""
    local = instant.astimezone(ZoneInfo(zone))
    try:
        _, delta, _ = crontab.from_string(cron).remaining_delta(local, tz=ZoneInfo(zone))
    except (ParseException, ValueError) as error:
        raise InvalidTime(cron) from error
    following: datetime = local + delta
    return following


def start_due(session: Session, tenant: BoundTenant, at: datetime) -> tuple[list[Queue], datetime | None]:
    """Add the jobs of schedules that are due to the caller's transaction, each once however often it was missed.

    Gives the queues of what was added, and when a schedule is due next. Two that do this at once add one job: rows
    are locked, and the job's key names the moment.
    """
    rows = _rows(session, tenant, at)
    queues: list[Queue] = []
    for row in (row for row in rows if row.enabled and row.next_at <= at):
        current = session.scalar(
            select(Schedule)
            .where(Schedule.id == row.id)
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        )
        known = declared(row.name)
        if current is None or known is None or not current.enabled or current.next_at > at:
            continue
        queues.append(_start(session, current, known.job, at))
    return queues, min((row.next_at for row in rows if row.enabled and declared(row.name)), default=None)


def schedules_of(session: Session, tenant: BoundTenant, at: datetime) -> Sequence[Schedule]:
    """All schedules of the bound tenant, those that are new in this release entered first; the caller commits."""
    return _rows(session, tenant, at)


def set_daily_time(session: Session, schedule: Schedule, entered: str, *, enabled: bool, at: datetime) -> None:
    """Let a schedule run every day at a time such as `00:10` of its time zone, or not at all; raises `InvalidTime`."""
    try:
        chosen = time.fromisoformat(entered.strip())
    except ValueError as error:
        raise InvalidTime(entered) from error
    schedule.cron = _DAILY.format(minute=chosen.minute, hour=chosen.hour)
    schedule.enabled = enabled
    schedule.next_at = next_after(schedule.cron, schedule.time_zone, at)
    session.flush()


def daily_time(schedule: Schedule) -> str:
    """The time of the day of a schedule that runs daily; empty for another rhythm."""
    minute, hour, *rest = schedule.cron.split()
    return (
        f"{int(hour):02d}:{int(minute):02d}" if rest == ["*", "*", "*"] and minute.isdigit() and hour.isdigit() else ""
    )


def _rows(session: Session, tenant: BoundTenant, at: datetime) -> Sequence[Schedule]:
    rows = session.scalars(select(Schedule).order_by(Schedule.name)).all()
    missing = {each.name: each for each in declared_for(tenant.kind) if tenant.kind in kinds()}
    for row in rows:
        missing.pop(row.name, None)
    if not missing or not tenant.admission.is_open:
        return rows
    new = [
        {
            "name": each.name,
            "cron": each.cron,
            "time_zone": each.time_zone,
            "payload": dict(each.payload),
            "enabled": True,
            "next_at": next_after(each.cron, each.time_zone, at),
        }
        for each in missing.values()
    ]
    session.execute(insert(Schedule).values(new).on_conflict_do_nothing(index_elements=["name"]))
    return session.scalars(select(Schedule).order_by(Schedule.name)).all()


def _start(session: Session, schedule: Schedule, job: str, at: datetime) -> Queue:
    queue, origin = queue_of(job), here()
    added = session.execute(
        insert(Job)
        .values(
            name=job,
            payload=schedule.payload | {"at": at.isoformat()},
            state=JobState.QUEUED,
            queue=queue,
            key=f"schedule.{schedule.name}.{schedule.next_at.isoformat()}",
            attempts=0,
            done_steps=0,
            total_steps=0,
            note="",
            language=origin.language,
            trace=origin.trace,
        )
        .on_conflict_do_nothing(index_elements=["key"])
        .returning(Job.id)
    ).scalar_one_or_none()
    schedule.last_at, schedule.last_job = at, added or schedule.last_job
    schedule.next_at = next_after(schedule.cron, schedule.time_zone, at)
    session.flush()
    return queue
