"""Looks into tenants when there may be something to do: due jobs, lost leases, schedules. The registry says when."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import func, insert, literal, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.db.base import now
from trilend.jobs import schedules, wake
from trilend.jobs.models import JobState, Queue, TenantWork
from trilend.jobs.runs import earlier, job_session
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.door import LIFELESS
from trilend.tenancy.models import Tenant
from trilend.tenancy.service import WITH_KEYS

log = structlog.get_logger(__name__)

_AT_ONCE = 200
_AGAIN_AFTER_FAULT = timedelta(seconds=60)
# Longer than a transaction may last (`transaction_timeout` of the logins): what was about to be committed when the
# registry was told is committed or gone by then.
_AFTER_TOUCH = timedelta(minutes=16)
# However much is lost, in a restored backup say: every tenant is looked into so often, each at its own moment.
_FULL_ROUND = timedelta(hours=1)

_SEEN = text(
    """
SELECT now() AS at,
    (SELECT count(*) FROM job WHERE state = 'queued') AS queued,
    (SELECT count(*) FROM job WHERE state = 'running') AS running,
    (SELECT count(*) FROM job WHERE state = 'failed') AS failed,
    (SELECT min(not_before) FROM job WHERE state = 'queued' AND queue = 'interactive') AS interactive,
    (SELECT min(not_before) FROM job WHERE state = 'queued' AND queue = 'batch') AS batch,
    (SELECT min(lease_until) FROM job WHERE state = 'running') AS lease
"""
)
_LOST = text(
    """
UPDATE job SET state = 'queued', lease_until = NULL, lease_token = NULL, lost_leases = lost_leases + 1
WHERE state = 'running' AND lease_until < now() RETURNING queue
"""
)
_SAVE = text(
    """
UPDATE trilend.tenant_work AS work
SET look_at = CASE WHEN work.touched_at > seen.at THEN least(work.look_at, seen.look_at) ELSE seen.look_at END,
    looked_at = seen.at, queued = seen.queued, running = seen.running, failed = seen.failed,
    waiting_since = seen.waiting_since
FROM (
    SELECT * FROM unnest(
        CAST(:ids AS text[]), CAST(:look_at AS timestamptz[]), CAST(:at AS timestamptz[]), CAST(:queued AS bigint[]),
        CAST(:running AS bigint[]), CAST(:failed AS bigint[]), CAST(:waiting_since AS timestamptz[])
    ) AS given (id, look_at, at, queued, running, failed, waiting_since)
) AS seen
WHERE work.tenant_id = seen.id
"""
)


@dataclass(frozen=True)
class Seen:
    """What a look into a tenant has found, and when the next one is due."""

    at: datetime
    queued: int
    running: int
    failed: int
    due: tuple[Queue, ...]
    waiting_since: datetime | None
    next: datetime | None


def announce(tenant_ids: Sequence[str]) -> None:
    """Tell the registry, in a transaction of its own, that jobs are about to be committed in these tenants.

    Before and not after: a process that dies between the two leaves a hint without a job, and never a job without one.
    """
    grace = func.now() + timedelta(seconds=settings().job_sweep_seconds)
    with RegistrySession() as registry:
        statement = upsert(TenantWork).values(
            [{"tenant_id": each, "look_at": grace, "touched_at": func.clock_timestamp()} for each in tenant_ids]
        )
        registry.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id"],
                set_={
                    "look_at": func.least(TenantWork.look_at, statement.excluded.look_at),
                    "touched_at": statement.excluded.touched_at,
                },
            )
        )
        registry.commit()


def look_by(tenant_id: str, at: datetime) -> None:
    """Have a tenant looked into at this instant at the latest."""
    with RegistrySession() as registry:
        registry.execute(
            update(TenantWork)
            .where(TenantWork.tenant_id == tenant_id, TenantWork.look_at > at)
            .values(look_at=at, touched_at=func.clock_timestamp())
        )
        registry.commit()


def look_around(*, at_once: int = _AT_ONCE) -> int:
    """Look into the platform's own jobs and into all tenants whose time has come, at most so many; says how many.

    Any number of processes may do this at the same time: each takes other tenants.
    """
    _look(None)
    with RegistrySession() as registry:
        _enter_new(registry)
        tenants, resting, touched = _taken(registry, at_once)
        registry.commit()
    seen: dict[str, tuple[datetime, Seen]] = {}
    for tenant in tenants:
        try:
            found = _look(tenant)
        except Exception:
            # One tenant, or its server, does not answer: the others are looked after all the same.
            log.exception("tenant could not be looked into", tenant=tenant.id)
        else:
            seen[tenant.id] = _next_look(found, touched[tenant.id]), found
    at_rest = Seen(now(), 0, 0, 0, (), None, None)
    _save(seen | dict.fromkeys(resting, (at_rest.at + _FULL_ROUND, at_rest)))
    return len(touched)


def _enter_new(registry: Session) -> None:
    """Tenants that nobody has looked into yet come in line."""
    known = select(TenantWork.tenant_id).where(TenantWork.tenant_id == Tenant.id).exists()
    fresh = select(Tenant.id, literal(now())).where(~known, Tenant.state.not_in(LIFELESS))
    registry.execute(insert(TenantWork).from_select(["tenant_id", "look_at"], fresh))


def _taken(registry: Session, at_once: int) -> tuple[list[BoundTenant], list[str], dict[str, datetime | None]]:
    """Tenants that are this process's to look into for a minute, and ids of those that rest."""
    due = (
        select(TenantWork.tenant_id)
        .where(TenantWork.look_at <= func.now())
        .order_by(TenantWork.look_at)
        .limit(at_once)
        .with_for_update(skip_locked=True)
    )
    rows = registry.execute(
        update(TenantWork)
        .where(TenantWork.tenant_id.in_(due))
        .values(look_at=func.now() + _AGAIN_AFTER_FAULT)
        .returning(TenantWork.tenant_id, TenantWork.touched_at),
        execution_options={"synchronize_session": False},
    ).all()
    touched: dict[str, datetime | None] = {row.tenant_id: row.touched_at for row in rows}
    living = select(Tenant).options(WITH_KEYS).where(Tenant.id.in_(touched), Tenant.state.not_in(LIFELESS))
    found = [BoundTenant.of(tenant) for tenant in registry.scalars(living).unique()]
    # Behind a door that is not open nothing is done: looked at again in a minute, like one that did not answer.
    tenants = [tenant for tenant in found if tenant.admission.is_open]
    return tenants, sorted(touched.keys() - {tenant.id for tenant in found}), touched


def _look(tenant: BoundTenant | None) -> Seen:
    """See what is due; take back what dead workers held, and start what is scheduled. Wakes workers."""
    with job_session(tenant) as (session, _):
        row = session.execute(_SEEN).one()
        lost: Sequence[Any] = []
        if row.lease is not None and row.lease < row.at:
            lost = session.scalars(_LOST).all()
            log.warning("jobs of a dead worker taken back", tenant=tenant.id if tenant else None, jobs=len(lost))
        fired, next_schedule = schedules.start_due(session, tenant, row.at) if tenant else ([], None)
        session.commit()
    due = {Queue(each) for each in lost} | set(fired)
    due |= {queue for queue in Queue if (first := getattr(row, queue)) is not None and first <= row.at}
    for queue in sorted(due):
        wake.offer(tenant.id if tenant else None, queue)
    first = earlier(row.interactive, row.batch)
    return Seen(
        at=row.at,
        queued=row.queued + len(lost) + len(fired),
        running=row.running - len(lost),
        failed=row.failed,
        due=tuple(sorted(due)),
        waiting_since=first if first is not None and first <= row.at else None,
        next=earlier(first, row.lease, next_schedule),
    )


def _next_look(seen: Seen, touched_at: datetime | None) -> datetime:
    if seen.due:
        # A worker that takes it now may die with it: as soon as its lease could be over, and its message lost.
        return seen.at + timedelta(seconds=wake.message_seconds())
    settled = touched_at + _AFTER_TOUCH if touched_at else None
    if settled is not None and settled <= seen.at:
        settled = None
    round_ = seen.at + _FULL_ROUND * random.uniform(0.75, 1.0)  # noqa: S311  # spreads tenants, hides nothing
    return max(earlier(seen.next, settled, round_) or round_, seen.at + timedelta(milliseconds=200))


def _save(seen: dict[str, tuple[datetime, Seen]]) -> None:
    if not seen:
        return
    found = [each for _, each in seen.values()]
    with RegistrySession() as registry:
        registry.execute(
            _SAVE,
            {
                "ids": list(seen),
                "look_at": [look_at for look_at, _ in seen.values()],
                "at": [each.at for each in found],
                "queued": [each.queued for each in found],
                "running": [each.running for each in found],
                "failed": [each.failed for each in found],
                "waiting_since": [each.waiting_since for each in found],
            },
        )
        registry.commit()


def totals(registry: Session) -> dict[JobState, int]:
    """Jobs of all tenants by state, as of the last looks."""
    row = registry.execute(
        select(func.sum(TenantWork.queued), func.sum(TenantWork.running), func.sum(TenantWork.failed))
    ).one()
    return dict(zip((JobState.QUEUED, JobState.RUNNING, JobState.FAILED), (int(n or 0) for n in row), strict=True))
