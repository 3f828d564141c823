"""Enqueues jobs in the transaction that wants them; they leave for the workers after commit."""

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import event, func, insert
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trilend.jobs import wake, watch
from trilend.jobs.handlers import Policy, handles, queue_of
from trilend.jobs.models import Job, JobState, Queue, RegistryJob
from trilend.jobs.origin import here
from trilend.jobs.running import run_job, run_within
from trilend.jobs.runs import JobRun, due_ids
from trilend.tenancy.context import BoundTenant, TenantSession, bound, tenant_or_none
from trilend.tenancy.service import open_tenants

__all__ = [
    "MAX_ATTEMPTS",
    "JobRun",
    "Policy",
    "Queue",
    "enqueue",
    "enqueue_for_all",
    "enqueue_many",
    "handles",
    "run_job",
    "run_within",
    "sweep",
]

MAX_ATTEMPTS = Policy().attempts
_WAITING = "trilend_jobs_to_send"


def enqueue(
    session: Session,
    name: str,
    payload: dict[str, Any],
    *,
    created_by: int | None = None,
    seconds: float = 0.0,
) -> Job | RegistryJob:
    """Add a job to the caller's transaction; a worker hears of it after commit, and only then.

    If the process dies in between, the next look into the tenant finds the row: the registry is told of it before
    the commit. `payload` holds ids and plain values; `seconds` is how long the job waits at least. User, language and
    trace are those of the request or job that asks for it.
    """
    values: dict[str, Any] = {"name": name, "payload": payload} | _origin(created_by)
    if seconds:
        values["not_before"] = func.now() + timedelta(seconds=seconds)
    user = values.pop("created_by")
    job = (
        Job(queue=queue_of(name), created_by=user, **values)
        if isinstance(session, TenantSession)
        else RegistryJob(queue=queue_of(name), **values)
    )
    session.add(job)
    session.flush()
    _send_after_commit(session, queue_of(name))
    return job


def enqueue_many(session: Session, name: str, payloads: Sequence[dict[str, Any]]) -> None:
    """Add a job for each payload to a tenant's transaction, in one statement."""
    if not payloads:
        return
    common = {"name": name, "queue": queue_of(name)} | _origin(None)
    session.execute(insert(Job), [common | {"payload": payload} for payload in payloads])
    _send_after_commit(session, queue_of(name))


def enqueue_once(session: Session, key: str, name: str, payload: dict[str, Any]) -> bool:
    """Add a job to the caller's transaction unless one with this key is or was there; says whether it was added."""
    model = Job if isinstance(session, TenantSession) else RegistryJob
    values = {"name": name, "queue": queue_of(name), "payload": payload, "key": key} | _origin(None)
    if model is RegistryJob:
        del values["created_by"]
    defaults = {"state": JobState.QUEUED, "attempts": 0, "done_steps": 0, "total_steps": 0, "note": ""}
    statement = upsert(model).values(values | defaults).on_conflict_do_nothing(index_elements=["key"])
    added = session.execute(statement.returning(model.id)).scalar_one_or_none()
    if added is not None:
        _send_after_commit(session, queue_of(name))
    return added is not None


def enqueue_for_all(name: str, payload: dict[str, Any]) -> int:
    """Add the same job to every open tenant; returns how many there are."""
    tenants = open_tenants()
    for tenant in tenants:
        with bound(tenant), TenantSession() as session:
            enqueue(session, name, payload)
            session.commit()
    return len(tenants)


def sweep(
    send: Callable[[str | None, int], object], *, tenants: Iterable[BoundTenant] | None = None, limit: int = 100
) -> int:
    """Ask the platform and these tenants, one by one, for due jobs that nobody holds, and act on each.

    For one machine and by hand: it costs a query for each tenant, and all open ones are asked unless some are named.
    `watch.look_around` is what beat does.
    """
    sent = 0
    for tenant in (None, *(open_tenants() if tenants is None else tenants)):
        for job_id in due_ids(tenant, limit):
            send(tenant.id if tenant else None, job_id)
            sent += 1
    return sent


def _origin(created_by: int | None) -> dict[str, Any]:
    origin = here()
    user = created_by if created_by is not None else origin.user
    return {"created_by": user, "language": origin.language, "trace": origin.trace}


def _send_after_commit(session: Session, queue: Queue) -> None:
    tenant = tenant_or_none() if isinstance(session, TenantSession) else None
    session.info.setdefault(_WAITING, {})[tenant.id if tenant else None, queue] = True


@event.listens_for(Session, "before_commit")
def _announce(session: Session) -> None:
    waiting = session.info.get(_WAITING)
    if waiting and not session.in_nested_transaction():
        tenants = sorted({tenant_id for tenant_id, _ in waiting if tenant_id is not None})
        if tenants:
            watch.announce(tenants)


@event.listens_for(Session, "after_commit")
def _send_waiting(session: Session) -> None:
    if session.in_nested_transaction():
        return
    for tenant_id, queue in session.info.pop(_WAITING, {}):
        wake.offer(tenant_id, queue)


@event.listens_for(Session, "after_rollback")
def _forget_waiting(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_WAITING, None)
