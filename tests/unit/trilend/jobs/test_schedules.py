"""Work by the clock: each company's own time, caught up once, and never twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.jobs import schedules
from trilend.jobs.errors import InvalidTime
from trilend.jobs.models import Job, Schedule
from trilend.jobs.schedules import daily_time, schedules_of, set_daily_time, start_due
from trilend.parameters.closing import END_OF_DAY, JOB, _last_day
from trilend.tenancy.context import TenantSession, bound, tenant_session


def end_of_day(session: Session, tenant: Any) -> Schedule:
    """The company's schedule of its end of day."""
    (row,) = [row for row in schedules_of(session, tenant, now()) if row.name == END_OF_DAY]
    return row


def jobs(session: Session) -> int:
    """How often an end of day was started."""
    return session.scalar(select(func.count()).select_from(Job).where(Job.name == JOB)) or 0


def test_a_company_that_lends_has_its_end_of_day_at_ten_past_midnight(session: Session, tenant: Any) -> None:
    row = end_of_day(session, tenant)
    assert (daily_time(row), row.time_zone, row.enabled) == ("00:10", "Asia/Shanghai", True)


def test_a_kind_without_an_end_of_day_has_no_such_schedule(new_tenant: Callable[..., Any]) -> None:
    broker = new_tenant(kind="broker", name="青山助贷有限公司")
    with bound(broker):
        names = {row.name for row in schedules_of(tenant_session(), broker, now())}
    assert END_OF_DAY not in names
    assert "sweep_files" in names


def test_what_was_missed_is_caught_up_once(session: Session, tenant: Any) -> None:
    row = end_of_day(session, tenant)
    row.next_at = now() - timedelta(days=5)
    session.commit()
    moment = now()
    start_due(session, tenant, moment)
    session.commit()
    start_due(session, tenant, moment + timedelta(seconds=5))
    session.commit()
    assert jobs(session) == 1
    session.refresh(row)
    assert moment < row.next_at <= moment + timedelta(days=1)
    job = session.scalars(select(Job).where(Job.name == JOB)).one()
    assert (job.queue, row.last_job) == ("batch", job.id)
    # It closes up to yesterday, not up to the day on which it was missed.
    assert _last_day(job.payload) == moment.astimezone(schedules.ZoneInfo("Asia/Shanghai")).date() - timedelta(days=1)


def test_two_beats_start_the_work_once(session: Session, tenant: Any) -> None:
    row = end_of_day(session, tenant)
    row.next_at = now() - timedelta(hours=1)
    session.commit()
    moment = now()
    with TenantSession() as one, TenantSession() as other:
        # The other has read the row before the first commits.
        assert [each.next_at for each in schedules_of(other, tenant, moment)]
        start_due(one, tenant, moment)
        start_due(other, tenant, moment)
        one.commit()
        other.commit()
    with TenantSession() as late:
        start_due(late, tenant, moment)
        late.commit()
    assert jobs(session) == 1


def test_the_key_of_a_moment_refuses_a_second_job(session: Session, tenant: Any) -> None:
    row = end_of_day(session, tenant)
    due = now() - timedelta(hours=1)
    for _ in range(2):
        session.execute(update(Schedule).where(Schedule.id == row.id).values(next_at=due))
        session.commit()
        start_due(session, tenant, now())
        session.commit()
    assert jobs(session) == 1


def test_a_company_sets_its_own_time(session: Session, tenant: Any) -> None:
    row = end_of_day(session, tenant)
    at = datetime.fromisoformat("2026-08-01T01:00:00+08:00")
    set_daily_time(session, row, "03:45", enabled=True, at=at)
    assert (row.cron, daily_time(row)) == ("45 3 * * *", "03:45")
    assert row.next_at == datetime.fromisoformat("2026-08-01T03:45:00+08:00")


def test_what_is_switched_off_does_not_run(session: Session, tenant: Any) -> None:
    row = end_of_day(session, tenant)
    set_daily_time(session, row, "03:45", enabled=False, at=now() - timedelta(days=2))
    session.commit()
    queues, due = start_due(session, tenant, now())
    others = select(func.min(Schedule.next_at)).where(Schedule.name != END_OF_DAY)
    assert (queues, due, jobs(session)) == ([], session.scalar(others), 0)


@pytest.mark.parametrize("entered", ["", "25:00", "noon", "12"])
def test_what_is_no_time_changes_nothing(session: Session, tenant: Any, entered: str) -> None:
    row = end_of_day(session, tenant)
    if entered == "12":
        # The standard reads it as an hour; so do people.
        set_daily_time(session, row, entered, enabled=True, at=now())
        assert daily_time(row) == "12:00"
        return
    with pytest.raises(InvalidTime):
        set_daily_time(session, row, entered, enabled=False, at=now())
    assert (daily_time(row), row.enabled) == ("00:10", True)
