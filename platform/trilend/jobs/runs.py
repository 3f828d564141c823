"""A running job as its handler sees it, and the statements by which rows are claimed, kept and settled."""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, case, false, func, null, or_, select, text, update
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.jobs import stopping
from trilend.jobs.errors import LeaseLost, WorkerStopping
from trilend.jobs.handlers import confidential_names
from trilend.jobs.models import Job, JobState, Queue, RegistryJob
from trilend.jobs.origin import Origin
from trilend.tenancy.context import BoundTenant, RegistrySession, TenantSession, bound
from trilend.tenancy.door import LIFELESS

_TAKEN = """
UPDATE job
SET state = 'running', lease_token = :token, lease_until = now() + make_interval(secs => :lease),
    attempts = attempts + 1, started_at = now()
WHERE id = (
    SELECT id FROM job
    WHERE state = 'queued' AND queue = :queue AND not_before <= now()
    ORDER BY not_before, id LIMIT 1 FOR UPDATE SKIP LOCKED
) AND (
    SELECT count(*) FROM job
    WHERE state = 'running' AND queue = :queue AND lease_until > now() AND id <> :former
) < :most
RETURNING id, name, payload, attempts, lost_leases, created_by, language, trace, queue,
    extract(epoch FROM now() - not_before) AS waited,
    EXISTS (
        SELECT 1 FROM job AS other
        WHERE other.state = 'queued' AND other.queue = :queue AND other.not_before <= now() AND other.id <> job.id
    ) AS more
"""
_DONE = """
UPDATE job
SET state = 'done', lease_until = NULL, finished_at = now(), note = '', result = CAST(:result AS json),
    payload = CASE WHEN :confidential THEN '{}' ELSE payload END
WHERE id = :former AND lease_token = :former_token AND state = 'running'
"""
_CLAIM = text(_TAKEN)
_CLAIM_OF_REGISTRY = text(_TAKEN.replace("created_by", "NULL AS created_by"))
_DONE_AND_CLAIM = text(f"WITH done AS ({_DONE}) {_TAKEN}")
_DONE_AND_CLAIM_OF_REGISTRY = text(f"WITH done AS ({_DONE}) {_TAKEN.replace('created_by', 'NULL AS created_by')}")


@dataclass
class JobRun:
    """One running job, as its handler sees it: what to do, for whom, and a way to tell how far it got."""

    id: int
    name: str
    payload: dict[str, Any]
    attempt: int
    tenant: BoundTenant | None
    lease_token: str = field(repr=False)
    queue: Queue = Queue.INTERACTIVE
    origin: Origin = field(default_factory=lambda: Origin(None, "", ""))
    waited: float = 0.0
    lost_leases: int = 0
    more: bool = False
    completed: bool = False

    @property
    def key(self) -> str:
        """A name of this job that is its own in the whole installation and in each of its attempts."""
        return f"{self.tenant.id if self.tenant else 'platform'}.{self.id}"

    def done(self, result: dict[str, Any]) -> dict[str, Any]:
        """What the row of this job says when it is done."""
        values = {"state": JobState.DONE, "finished_at": func.now(), "note": "", "result": result}
        return values | {"payload": {}} if self.confidential else values

    @property
    def confidential(self) -> bool:
        """Whether its payload is forgotten when it is done."""
        return self.name in confidential_names()

    def progress(self, done: int, total: int, note: str = "") -> None:
        """Show progress and prolong the lease; its own transaction, so that people see it at once.

        A step that is told of is a step that is safe: a worker that is to stop puts the job down here, for another
        one to go on with. So call it where the work done so far is committed.
        """
        with job_session(self.tenant) as (session, model):
            kept = session.execute(
                update(model)
                .where(model.id == self.id, model.lease_token == self.lease_token, model.state == JobState.RUNNING)
                .values(done_steps=done, total_steps=total, note=note, lease_until=lease_end())
            )
            session.commit()
        if kept.rowcount == 0:  # type: ignore[attr-defined]
            raise LeaseLost
        if stopping.is_stopping() and done < total:
            raise WorkerStopping

    def complete(self, session: Session, result: dict[str, Any] | None = None) -> None:
        """Call the job done in a transaction of the handler's own session on the same schema.

        What that transaction writes then happens exactly once, whoever dies when: both are committed or neither.
        Nothing may follow but the commit. Raises `LeaseLost` if somebody else has the job.
        """
        model = Job if self.tenant is not None else RegistryJob
        done = session.execute(
            update(model)
            .where(model.id == self.id, model.lease_token == self.lease_token, model.state == JobState.RUNNING)
            .values(lease_until=None, **self.done(result or {}))
        )
        if done.rowcount == 0:  # type: ignore[attr-defined]
            raise LeaseLost
        self.completed = True


@contextmanager
def job_session(tenant: BoundTenant | None) -> Iterator[tuple[Session, Any]]:
    """A session on a tenant's jobs, or on those of the platform, and their model."""
    if tenant is None:
        with RegistrySession() as session:
            yield session, RegistryJob
    else:
        with bound(tenant), TenantSession() as session:
            yield session, Job


def lease_end() -> Any:
    """The instant, by the database's clock, at which a lease taken now ends."""
    return func.now() + timedelta(seconds=settings().job_lease_seconds)


def claim(tenant: BoundTenant | None, queue: Queue) -> JobRun | None:
    """Take the next due job of a tenant, unless it has as many at work as it may."""
    if not _works(tenant):
        return None
    statement = _CLAIM_OF_REGISTRY if tenant is None else _CLAIM
    token = secrets.token_hex(16)
    with job_session(tenant) as (session, _):
        row = session.execute(statement, _wanted(queue, token)).one_or_none()
        session.commit()
    return _run(row, tenant, token)


def finish_and_claim(run: JobRun, result: dict[str, Any]) -> JobRun | None:
    """Settle a job as done and take the tenant's next one, in one statement."""
    statement = _DONE_AND_CLAIM_OF_REGISTRY if run.tenant is None else _DONE_AND_CLAIM
    token = secrets.token_hex(16)
    done = {"result": json.dumps(result), "former_token": run.lease_token, "confidential": run.confidential}
    with job_session(run.tenant) as (session, _):
        wanted = _wanted(run.queue, token) | done | {"former": run.id}
        row = session.execute(statement, wanted).one_or_none()
        session.commit()
    return _run(row, run.tenant, token)


def claim_one(tenant: BoundTenant | None, job_id: int) -> JobRun | None:
    """Take one particular job if it is due and nobody holds it."""
    if not _works(tenant):
        return None
    token = secrets.token_hex(16)
    with job_session(tenant) as (session, model):
        row = session.execute(
            update(model)
            .where(model.id == job_id, free(model), model.not_before <= func.now())
            .values(
                state=JobState.RUNNING,
                lease_token=token,
                lease_until=lease_end(),
                attempts=model.attempts + 1,
                lost_leases=model.lost_leases + case((model.state == JobState.RUNNING, 1), else_=0),
                started_at=func.now(),
            )
            .returning(*_columns(model))
        ).one_or_none()
        session.commit()
    return _run(row, tenant, token)


def free(model: Any) -> Any:
    """The condition that nobody holds a job that is open."""
    lost = (model.state == JobState.RUNNING) & (model.lease_until < func.now())
    return or_(model.state == JobState.QUEUED, lost)


def due_ids(tenant: BoundTenant | None, limit: int) -> Sequence[int]:
    """The jobs of a tenant that are due and held by nobody, oldest first."""
    with job_session(tenant) as (session, model):
        due = select(model.id).where(model.not_before <= func.now(), free(model))
        return session.scalars(due.order_by(model.not_before, model.id).limit(limit)).all()


def settle(run: JobRun, also: Callable[[Session], None] | None = None, **values: Any) -> bool:
    """Write how an attempt ended, if the job is still this worker's; says whether more is due in its queue.

    What `also` writes is in the same transaction.
    """
    with job_session(run.tenant) as (session, model):
        settled = session.execute(
            update(model)
            .where(model.id == run.id, model.lease_token == run.lease_token, model.state == JobState.RUNNING)
            .values(lease_until=None, **values)
        )
        if also is not None and settled.rowcount:  # type: ignore[attr-defined]
            also(session)
        waiting = _more_due(session, model, run.queue)
        session.commit()
    return waiting


def more_due(run: JobRun) -> bool:
    """Whether more is due in the queue of a job that has called itself done."""
    with job_session(run.tenant) as (session, model):
        return _more_due(session, model, run.queue)


def _more_due(session: Session, model: Any, queue: Queue) -> bool:
    due = select(model.id).where(model.state == JobState.QUEUED, model.queue == queue, model.not_before <= func.now())
    return session.scalar(due.limit(1)) is not None


def leave(tenant: BoundTenant | None, tokens: Sequence[str], seconds: float) -> None:
    """Let leases end after so many seconds because this process ends in order: nobody counts them as lost."""
    with job_session(tenant) as (session, model):
        session.execute(
            update(model)
            .where(model.state == JobState.RUNNING, model.lease_token.in_(tokens))
            .values(lease_until=func.now() + timedelta(seconds=seconds), lost_leases=model.lost_leases - 1)
        )
        session.commit()


def prolong(tenant: BoundTenant | None, tokens: Sequence[str], seconds: float) -> set[str]:
    """Give leases so many seconds from now; the tokens that are still in force."""
    with job_session(tenant) as (session, model):
        kept = session.scalars(
            update(model)
            .where(model.state == JobState.RUNNING, model.lease_token.in_(tokens))
            .values(lease_until=func.now() + timedelta(seconds=seconds))
            .returning(model.lease_token)
        ).all()
        session.commit()
    return set(kept)


def _works(tenant: BoundTenant | None) -> bool:
    """Whether jobs are done: behind a door that is not open they stay as they are."""
    return tenant is None or (tenant.state not in LIFELESS and tenant.admission.is_open)


def _wanted(queue: Queue, token: str) -> dict[str, Any]:
    return {
        "token": token,
        "lease": settings().job_lease_seconds,
        "queue": queue,
        "most": settings().jobs_per_tenant,
        "former": 0,
    }


def _columns(model: Any) -> list[Any]:
    created_by = model.created_by if model is Job else null().label("created_by")
    waited = func.extract("epoch", func.now() - model.not_before).label("waited")
    return [
        model.id,
        model.name,
        model.payload,
        model.attempts,
        model.lost_leases,
        created_by,
        model.language,
        model.trace,
        model.queue,
        waited,
        false().label("more"),
    ]


def _run(row: Row[Any] | None, tenant: BoundTenant | None, token: str) -> JobRun | None:
    if row is None:
        return None
    return JobRun(
        id=row.id,
        name=row.name,
        payload=row.payload,
        attempt=row.attempts,
        tenant=tenant,
        lease_token=token,
        queue=Queue(row.queue),
        origin=Origin(row.created_by, row.language, row.trace),
        waited=max(0.0, float(row.waited)),
        lost_leases=row.lost_leases,
        more=row.more,
    )


def earlier(*instants: datetime | None) -> datetime | None:
    """The earliest of those that are there."""
    return min((instant for instant in instants if instant is not None), default=None)
