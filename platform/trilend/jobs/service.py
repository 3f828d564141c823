"""Enqueues jobs in the transaction that wants them, and runs them under a lease exactly as often as needed."""

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog
from flask_babel import gettext
from sqlalchemy import event, func, or_, select, update
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.db.base import now
from trilend.errors import TrilendError
from trilend.jobs.models import Job, JobState, RegistryJob
from trilend.tenancy.context import BoundTenant, RegistrySession, TenantSession, bound, tenant_or_none
from trilend.tenancy.service import open_tenants, tenant_by_id
from trilend_sdk.errors import PluginError

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 5
_WAITING = "trilend_jobs_to_send"

Handler = Callable[["JobRun"], dict[str, Any] | None]
Surroundings = Callable[[], AbstractContextManager[object]]
_handlers: dict[str, Handler] = {}
_surroundings: list[Surroundings] = [nullcontext]


def handles(name: str) -> Callable[[Handler], Handler]:
    """Register the function that does jobs of this name; it must bear being run again after a crash anywhere."""

    def register(handler: Handler) -> Handler:
        _handlers[name] = handler
        return handler

    return register


def run_within(surroundings: Surroundings) -> None:
    """Run every handler inside of a context, such as the language of the texts that it writes."""
    _surroundings[:] = [surroundings]


@dataclass
class JobRun:
    """One running job, as its handler sees it: what to do, and a way to tell how far it got."""

    id: int
    name: str
    payload: dict[str, Any]
    attempt: int
    tenant: BoundTenant | None
    lease_token: str = field(repr=False)

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Show progress and prolong the lease; its own transaction, so that people see it at once."""
        with _job_session(self.tenant) as (session, model):
            session.execute(
                update(model)
                .where(model.id == self.id, model.lease_token == self.lease_token)
                .values(done_steps=done, total_steps=total, note=note, lease_until=_lease_end())
            )
            session.commit()


def enqueue(
    session: Session, name: str, payload: dict[str, Any], *, created_by: int | None = None
) -> Job | RegistryJob:
    """Add a job to the caller's transaction; it is sent to a worker after commit, and only then.

    If the process dies in between, the sweep finds the row. `payload` holds ids and plain values.
    """
    of_tenant = isinstance(session, TenantSession)
    job = (
        Job(name=name, payload=payload, created_by=created_by) if of_tenant else RegistryJob(name=name, payload=payload)
    )
    session.add(job)
    session.flush()
    tenant = tenant_or_none() if of_tenant else None
    session.info.setdefault(_WAITING, []).append((tenant.id if tenant else None, job.id))
    return job


def enqueue_for_all(name: str, payload: dict[str, Any]) -> int:
    """Add the same job to every open tenant; returns how many there are."""
    tenants = open_tenants()
    for tenant in tenants:
        with bound(tenant), TenantSession() as session:
            enqueue(session, name, payload)
            session.commit()
    return len(tenants)


def enqueue_once(name: str) -> bool:
    """Add a job of the platform's own, unless one of this name waits already; whether it was added."""
    with RegistrySession() as session:
        waits = select(RegistryJob.id).where(RegistryJob.name == name, RegistryJob.state == JobState.QUEUED)
        if session.scalar(waits.limit(1)) is not None:
            return False
        enqueue(session, name, {})
        session.commit()
    return True


def run_job(tenant_id: str | None, job_id: int) -> bool:
    """Claim and run one job; False when somebody else has it, or it is done. Never raises for a failing handler."""
    tenant = tenant_by_id(tenant_id) if tenant_id else None
    if tenant is not None and not tenant.admission.is_open:
        # The row stays as it is; the sweep sends it when the tenant's door is open again.
        return False
    run = _claim(tenant, job_id)
    if run is None:
        return False
    structlog.contextvars.bind_contextvars(job=run.name, job_id=run.id, tenant=tenant_id)
    try:
        with _surroundings[0]():
            _carry_out(run)
    finally:
        structlog.contextvars.clear_contextvars()
    return True


def sweep(send: Callable[[str | None, int], object], *, limit: int = 100) -> int:
    """Send every job that is due but held by nobody: lost messages, dead workers, retries. Returns how many."""
    sent = 0
    for tenant in [None, *open_tenants()]:
        with _job_session(tenant) as (session, model):
            due = session.scalars(
                select(model.id)
                .where(
                    model.not_before <= func.now(),
                    or_(
                        model.state == JobState.QUEUED,
                        (model.state == JobState.RUNNING) & (model.lease_until < func.now()),
                    ),
                )
                .order_by(model.not_before)
                .limit(limit)
            ).all()
        for job_id in due:
            send(tenant.id if tenant else None, job_id)
            sent += 1
    return sent


@contextmanager
def _job_session(tenant: BoundTenant | None) -> Iterator[tuple[Session, Any]]:
    if tenant is None:
        with RegistrySession() as session:
            yield session, RegistryJob
    else:
        with bound(tenant), TenantSession() as session:
            yield session, Job


def _claim(tenant: BoundTenant | None, job_id: int) -> JobRun | None:
    token = secrets.token_hex(16)
    with _job_session(tenant) as (session, model):
        free = or_(model.state == JobState.QUEUED, (model.state == JobState.RUNNING) & (model.lease_until < func.now()))
        row = session.execute(
            update(model)
            .where(model.id == job_id, free, model.not_before <= func.now())
            .values(state=JobState.RUNNING, lease_token=token, lease_until=_lease_end(), attempts=model.attempts + 1)
            .returning(model.id, model.name, model.payload, model.attempts)
        ).one_or_none()
        session.commit()
    if row is None:
        return None
    return JobRun(id=row.id, name=row.name, payload=row.payload, attempt=row.attempts, tenant=tenant, lease_token=token)


def _lease_end() -> Any:
    return func.now() + timedelta(seconds=settings().job_lease_seconds)


def _carry_out(run: JobRun) -> None:
    try:
        with _kept_alive(run), bound(run.tenant) if run.tenant else nullcontext():
            result = _handlers[run.name](run)
    except Exception as error:
        # The task's edge: whatever a handler raises becomes a state of its row.
        log.exception("job failed")
        _settle_failure(run, error)
    else:
        _finish(run, JobState.DONE, result=result or {}, note="")


@contextmanager
def _kept_alive(run: JobRun) -> Iterator[None]:
    """Prolong the lease from a thread of its own while the handler works, so that only a dead worker loses it."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(settings().job_lease_seconds / 3):
            with _job_session(run.tenant) as (session, model):
                held = (model.id == run.id, model.lease_token == run.lease_token)
                session.execute(update(model).where(*held).values(lease_until=_lease_end()))
                session.commit()

    thread = threading.Thread(target=beat, name=f"lease-{run.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _settle_failure(run: JobRun, error: Exception) -> None:
    # What says that a later attempt may succeed is attempted until it does: a transfer whose end is not known may not
    # be left like that because the bank was away for long, or because workers died on the way.
    final = not error.retry if isinstance(error, TrilendError) else run.attempt >= MAX_ATTEMPTS
    if final:
        _finish(run, JobState.FAILED, result={"error": type(error).__name__}, note=_explanation(error))
        return
    delay = timedelta(seconds=min(300, 2 ** min(run.attempt, 9) + secrets.randbelow(1000) / 1000))
    with _job_session(run.tenant) as (session, model):
        session.execute(
            update(model)
            .where(model.id == run.id, model.lease_token == run.lease_token)
            .values(state=JobState.QUEUED, lease_until=None, not_before=func.now() + delay, note=_explanation(error))
        )
        session.commit()


def _explanation(error: Exception) -> str:
    """What a person may read of a failure: errors that are not made for people may tell what they should not."""
    if isinstance(error, (TrilendError, PluginError)):
        return str(error)[:500]
    return str(gettext("The work stopped at a fault of the system, which has been logged."))


def _finish(run: JobRun, state: JobState, *, result: dict[str, Any], note: str) -> None:
    with _job_session(run.tenant) as (session, model):
        session.execute(
            update(model)
            .where(model.id == run.id, model.lease_token == run.lease_token)
            .values(state=state, lease_until=None, finished_at=now(), result=result, note=note)
        )
        session.commit()


@event.listens_for(Session, "after_commit")
def _send_waiting(session: Session) -> None:
    if session.in_nested_transaction():
        return
    waiting = session.info.pop(_WAITING, [])
    if not waiting:
        return
    from trilend.jobs.queue import send_job

    for tenant_id, job_id in waiting:
        send_job(tenant_id, job_id)


@event.listens_for(Session, "after_rollback")
def _forget_waiting(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_WAITING, None)
