"""A job is a row: what is to be done, how far it got, and who holds it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, String, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase, TenantBase


class JobState(StrEnum):
    """Waiting, running under a lease, done, or failed for good."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobColumns(Created):
    """The columns that jobs of the registry and of tenants share."""

    id: Mapped[BigKey]
    name: Mapped[str] = mapped_column(String(100))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    state: Mapped[JobState] = mapped_column(String(16), default=JobState.QUEUED)
    attempts: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime] = mapped_column(server_default=text("now()"))
    lease_until: Mapped[datetime | None]
    lease_token: Mapped[str | None] = mapped_column(String(32))
    done_steps: Mapped[int] = mapped_column(default=0)
    total_steps: Mapped[int] = mapped_column(default=0)
    note: Mapped[str] = mapped_column(String(500), default="")
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    finished_at: Mapped[datetime | None]

    @declared_attr.directive
    def __table_args__(cls) -> tuple[Index, ...]:  # noqa: N805
        name = getattr(cls, "__tablename__", "job")
        open_states = text("state IN ('queued', 'running')")
        return (Index(f"{name}_open", "not_before", postgresql_where=open_states),)


class RegistryJob(JobColumns, RegistryBase):
    """Work for the platform itself, such as provisioning a tenant."""

    __tablename__ = "job"


class Job(JobColumns, TenantBase):
    """Work for one tenant."""

    __tablename__ = "job"
    created_by: Mapped[int | None]
