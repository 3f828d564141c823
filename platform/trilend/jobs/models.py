"""A job is a row: what is to be done, for whom, how far it got, and who holds it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from trilend.db.base import REGISTRY_SCHEMA, BigKey, Created, RegistryBase, TenantBase


class JobState(StrEnum):
    """Waiting, running under a lease, done, failed for good, or given up by a person with a reason."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    DISCARDED = "discarded"


class Queue(StrEnum):
    """Two bulkheads with workers of their own: somebody waits for it, or nobody does."""

    INTERACTIVE = "interactive"
    BATCH = "batch"


class JobColumns(Created):
    """The columns that jobs of the registry and of tenants share.

    `created_by`, `language` and `trace` are those of the act that asked for the work. `key` refuses the same work a
    second time. `settled_by` and `settled_reason` tell who retried or discarded a failed job, and why. `lost_leases` is how
    often a worker has ended without a word while it did this job.
    """

    id: Mapped[BigKey]
    name: Mapped[str] = mapped_column(String(100))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[JobState] = mapped_column(String(16), default=JobState.QUEUED)
    queue: Mapped[Queue] = mapped_column(String(16), default=Queue.INTERACTIVE, server_default=Queue.INTERACTIVE)
    key: Mapped[str | None] = mapped_column(String(120))
    attempts: Mapped[int] = mapped_column(default=0)
    lost_leases: Mapped[int] = mapped_column(default=0, server_default="0")
    not_before: Mapped[datetime] = mapped_column(server_default=text("now()"))
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    done_steps: Mapped[int] = mapped_column(default=0)
    total_steps: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(String(500), default="")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    language: Mapped[str] = mapped_column(String(16), default="", server_default="")
    trace: Mapped[str] = mapped_column(String(32), default="", server_default="")
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    settled_by: Mapped[str] = mapped_column(String(100), default="", server_default="")
    settled_reason: Mapped[str] = mapped_column(String(500), default="", server_default="")

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:  # noqa: N805
        name = getattr(cls, "__tablename__", "job")

        def while_(state: JobState) -> Any:
            return text(f"state = '{state}'")

        return (
            Index(f"{name}_next", "queue", "not_before", "id", postgresql_where=while_(JobState.QUEUED)),
            Index(f"{name}_held", "queue", "lease_until", postgresql_where=while_(JobState.RUNNING)),
            Index(f"{name}_failed", "finished_at", postgresql_where=while_(JobState.FAILED)),
            Index(f"{name}_key", "key", unique=True),
        )


class RegistryJob(JobColumns, RegistryBase):
    """Work for the platform itself, such as provisioning a tenant."""

    __tablename__ = "job"


class Job(JobColumns, TenantBase):
    """Work for one tenant; `created_by` is the user who asked for it."""

    __tablename__ = "job"
    created_by: Mapped[int | None]


class Schedule(Created, TenantBase):
    """Work that a tenant has done again and again: `cron` in its own time zone, `next_at` when it is due."""

    __tablename__ = "schedule"

    id: Mapped[BigKey]
    name: Mapped[str] = mapped_column(String(64), unique=True)
    cron: Mapped[str] = mapped_column(String(64))
    time_zone: Mapped[str] = mapped_column(String(64), default="Asia/Shanghai")
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    enabled: Mapped[bool] = mapped_column(default=True)
    next_at: Mapped[datetime]
    last_at: Mapped[datetime | None]
    last_job: Mapped[int | None]


class TenantWork(RegistryBase):
    """When to look into a tenant's jobs next, and what the last look has seen: the registry's hint, never the truth.

    `touched_at` is when a job was last about to be committed there.
    """

    __tablename__ = "tenant_work"
    __table_args__ = (
        Index("tenant_work_look_at", "look_at"),
        Index("tenant_work_failed", "tenant_id", postgresql_where=text("failed > 0")),
    )

    tenant_id: Mapped[str] = mapped_column(
        String(16), ForeignKey(f"{REGISTRY_SCHEMA}.tenant.id", ondelete="CASCADE"), primary_key=True
    )
    look_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    touched_at: Mapped[datetime | None]
    looked_at: Mapped[datetime | None]
    queued: Mapped[int] = mapped_column(default=0, server_default="0")
    running: Mapped[int] = mapped_column(default=0, server_default="0")
    failed: Mapped[int] = mapped_column(default=0, server_default="0")
    waiting_since: Mapped[datetime | None]
