"""Lets the time of a tenant's schedule come."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.jobs.models import Schedule
from trilend.jobs.schedules import schedules_of, start_due
from trilend.tenancy.context import current_tenant


def time_comes(session: Session, schedule: str) -> None:
    """Begin what the bound tenant has by the clock under this name, as beat does when its time has come."""
    tenant = current_tenant()
    schedules_of(session, tenant, now())
    row = session.scalars(select(Schedule).where(Schedule.name == schedule)).one()
    row.next_at = now() - timedelta(seconds=1)
    session.flush()
    start_due(session, tenant, now())
    session.commit()
