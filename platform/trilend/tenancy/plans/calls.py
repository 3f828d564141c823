"""Counts calls of the API: in the process, and from there in batches into the registry.

A process tells the registry after every 50 calls, or at the first call after five seconds, all tenants in one
statement; one that ends loses what it had not told. So each process counts at most 50 calls too few, and a limit may be
overstepped by 50 calls for each process.
"""

import threading
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.plans.errors import CallsUsedUp
from trilend.tenancy.plans.models import CallCount
from trilend.tenancy.plans.service import limits_of

BATCH = 50
SECONDS = 5.0
_CHINA = ZoneInfo("Asia/Shanghai")

_lock = threading.Lock()
_waiting: Counter[str] = Counter()
_known: dict[str, tuple[date, int, int]] = {}
_told_at = [0.0]


def count_call(tenant: BoundTenant) -> None:
    """Count one call of a tenant's programs; raises `CallsUsedUp`, and then the call does not count."""
    _tell_in_time()
    today, on_day, in_month = _so_far(tenant.id)
    limits = limits_of(tenant.plan)
    if limits.calls_per_day is not None and on_day >= limits.calls_per_day:
        raise CallsUsedUp(limits.label, limits.calls_per_day, monthly=False, seconds=_seconds_until(_tomorrow(today)))
    if limits.calls_per_month is not None and in_month >= limits.calls_per_month:
        seconds = _seconds_until(_next_month(today))
        raise CallsUsedUp(limits.label, limits.calls_per_month, monthly=True, seconds=seconds)
    with _lock:
        _waiting[tenant.id] += 1


def tell_registry() -> None:
    """Add what this process has counted to the registry: one statement for all tenants."""
    with _lock:
        batch = dict(_waiting)
        _waiting.clear()
        _told_at[0] = time.monotonic()
    if not batch:
        return
    today = _today()
    rows = [{"tenant_id": tenant_id, "day": today, "calls": calls} for tenant_id, calls in sorted(batch.items())]
    added = insert(CallCount).values(rows)
    with RegistrySession() as session:
        session.execute(
            added.on_conflict_do_update(
                index_elements=["tenant_id", "day"], set_={"calls": CallCount.calls + added.excluded.calls}
            )
        )
        session.commit()
    with _lock:
        for tenant_id in batch:
            _known.pop(tenant_id, None)


def calls_of(session: Session, tenant_id: str) -> tuple[int, int]:
    """Calls of today and of this month that the registry knows of."""
    today = _today()
    row = session.execute(
        select(
            func.coalesce(func.sum(CallCount.calls).filter(CallCount.day == today), 0),
            func.coalesce(func.sum(CallCount.calls), 0),
        ).where(CallCount.tenant_id == tenant_id, CallCount.day >= today.replace(day=1))
    ).one()
    return int(row[0]), int(row[1])


def _so_far(tenant_id: str) -> tuple[date, int, int]:
    """The day, its calls and the month's: what the registry said last, and what it has not been told."""
    today = _today()
    known = _known.get(tenant_id)
    if known is None or known[0] != today:
        with RegistrySession() as session:
            known = (today, *calls_of(session, tenant_id))
        _known[tenant_id] = known
    waiting = _waiting[tenant_id]
    return today, known[1] + waiting, known[2] + waiting


def _tell_in_time() -> None:
    with _lock:
        is_time = _waiting.total() >= BATCH or (_waiting and time.monotonic() - _told_at[0] > SECONDS)
    if is_time:
        tell_registry()


def _today() -> date:
    return datetime.now(_CHINA).date()


def _tomorrow(day: date) -> date:
    return day + timedelta(days=1)


def _next_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def _seconds_until(day: date) -> int:
    begins = datetime(day.year, day.month, day.day, tzinfo=_CHINA)
    return max(1, int((begins - datetime.now(UTC)).total_seconds()))
