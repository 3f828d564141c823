"""Jobs that failed for good: listed, tried again, or given up with a reason, by operators and by the company itself."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import JSON, case, func, literal, select, update
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.jobs import watch
from trilend.jobs.errors import JobNotFound, ReasonMissing
from trilend.jobs.handlers import confidential_names, label_of
from trilend.jobs.models import Job, JobState, Queue, RegistryJob, TenantWork
from trilend.jobs.runs import job_session
from trilend.jobs.wake import offer
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.models import Tenant, TenantState

PLATFORM = "platform"


@dataclass(frozen=True)
class DeadLetter:
    """A job that failed for good; `tenant` is a company's subdomain, or `platform`."""

    tenant: str
    company: str
    id: int
    name: str
    attempts: int
    error: str
    note: str
    created_at: datetime
    failed_at: datetime | None
    trace: str

    @property
    def label(self) -> str:
        """What people call the work."""
        return label_of(self.name)

    @property
    def handle(self) -> str:
        """A name for it among those of all companies."""
        return f"{self.tenant}:{self.id}"


def companies_with_failures(registry: Session, *, offset: int = 0, limit: int = 50) -> tuple[Sequence[Tenant], int]:
    """Companies in which work has failed, as of the last looks, by subdomain; and how many there are."""
    found = (
        select(Tenant)
        .join(TenantWork, TenantWork.tenant_id == Tenant.id)
        .where(TenantWork.failed > 0, Tenant.state.not_in((TenantState.PROVISIONING, TenantState.CLOSED)))
    )
    total = registry.scalar(select(func.count()).select_from(found.subquery())) or 0
    return registry.scalars(found.order_by(Tenant.slug).offset(offset).limit(limit)).all(), total


def failed_jobs(
    tenant: BoundTenant | None, *, name: str = "", limit: int = 200, offset: int = 0
) -> Sequence[DeadLetter]:
    """What has failed for good in one company, or in the platform itself; newest first."""
    with job_session(tenant) as (session, model):
        found = select(model).where(model.state == JobState.FAILED)
        if name:
            found = found.where(model.name == name)
        rows = session.scalars(found.order_by(model.finished_at.desc()).offset(offset).limit(limit)).all()
        return [_dead_letter(tenant, row) for row in rows]


def retry(tenant: BoundTenant | None, ids: Collection[int] | None, actor: Actor, *, name: str = "") -> int:
    """Give failed jobs all their attempts again, from now on; None is for all of them. Says how many there were.

    Raises `JobNotFound` when ids are given and one of them does not wait for a decision.
    """
    values = {"state": JobState.QUEUED, "attempts": 0, "lost_leases": 0, "not_before": func.now(), "finished_at": None}
    return _settle(tenant, ids, actor, "job.retried", "", name, values)


def discard(
    tenant: BoundTenant | None, ids: Collection[int] | None, actor: Actor, reason: str, *, name: str = ""
) -> int:
    """Give failed jobs up, for a reason that is kept with them; raises `ReasonMissing`, `JobNotFound`."""
    if not reason.strip():
        raise ReasonMissing
    return _settle(tenant, ids, actor, "job.discarded", reason.strip()[:500], name, {"state": JobState.DISCARDED})


def tenants_to_settle() -> Iterator[BoundTenant | None]:
    """The platform, and every company in which work has failed."""
    with RegistrySession() as registry:
        found, _ = companies_with_failures(registry, limit=10_000)
        tenants = [BoundTenant.of(tenant) for tenant in found]
    yield None
    yield from tenants


def _settle(
    tenant: BoundTenant | None,
    ids: Collection[int] | None,
    actor: Actor,
    act: str,
    reason: str,
    name: str,
    values: dict[str, object],
) -> int:
    if ids is not None and not ids:
        return 0
    with job_session(tenant) as (session, model):
        statement = update(model).where(model.state == JobState.FAILED)
        if values["state"] == JobState.DISCARDED:
            told = model.name.in_(confidential_names())
            statement = statement.values(payload=case((told, literal({}, JSON)), else_=model.payload))
        if ids is not None:
            statement = statement.where(model.id.in_(ids))
        if name:
            statement = statement.where(model.name == name)
        done = session.execute(
            statement.values(settled_by=actor.name, settled_reason=reason, **values).returning(model.id, model.queue),
            execution_options={"synchronize_session": False},
        ).all()
        if ids is not None and len(done) != len(set(ids)):
            raise JobNotFound
        if tenant is not None:
            for row in done:
                record(session, actor, act, "job", row.id, reason=reason)
            watch.announce([tenant.id])
        session.commit()
    if act == "job.retried":
        for queue in sorted({Queue(row.queue) for row in done}):
            offer(tenant.id if tenant else None, queue)
    if tenant is not None:
        watch.look_by(tenant.id, now())
    return len(done)


def _dead_letter(tenant: BoundTenant | None, row: Job | RegistryJob) -> DeadLetter:
    return DeadLetter(
        tenant=tenant.slug if tenant else PLATFORM,
        company=tenant.name if tenant else "",
        id=row.id,
        name=row.name,
        attempts=row.attempts,
        error=str((row.result or {}).get("error", "")),
        note=row.note,
        created_at=row.created_at,
        failed_at=row.finished_at,
        trace=row.trace,
    )
