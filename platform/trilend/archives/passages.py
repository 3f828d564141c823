"""Begins, holds and ends passages: one process works on one at a time, and what a killed one left is found."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trilend.archives.errors import Busy, Overtaken, StillAtWork
from trilend.archives.models import Act, Passage, Stage
from trilend.db.base import now
from trilend.jobs.forgetting import Holder, declare_holder
from trilend.jobs.service import enqueue
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.servers import PRIMARY, owner_connection

WATCH = "archives.look_after"
"""The job that looks whether a passage was left behind by a process that died."""

_LOCKS = 741_592
_FIRST_LOOK = timedelta(seconds=60)

declare_holder(
    Holder(
        lambda: select(Passage.job_id).where(Passage.finished_at.is_(None), Passage.job_id.is_not(None)),
        of=lambda kind: kind is None,
    )
)


def begin(
    registry: Session,
    act: Act,
    tenant_id: str,
    slug: str,
    *,
    actor: str,
    stage: Stage = Stage.BEGUN,
    details: dict[str, Any] | None = None,
    due_at: datetime | None = None,
    job_id: int | None = None,
) -> Passage:
    """Add a passage to the caller's transaction, with a job that looks after it; raises `Busy`.

    A company is moved or closed by one at a time; the unique index decides in a race.
    """
    passage = Passage(
        act=act,
        tenant_id=tenant_id,
        slug=slug,
        stage=stage,
        actor=actor,
        details=details or {},
        due_at=due_at,
        job_id=job_id,
    )
    try:
        with registry.begin_nested():
            registry.add(passage)
    except IntegrityError as error:
        raise Busy(slug) from error
    watch(registry, passage.id, at=due_at or now() + _FIRST_LOOK)
    return passage


def watch(registry: Session, passage_id: int, *, at: datetime) -> None:
    """Have somebody look after a passage at a moment."""
    enqueue(registry, WATCH, {"passage": passage_id}).not_before = at


def advance(registry: Session, passage: Passage, to: Stage, *, since: Stage, fault: str = "", **details: Any) -> None:
    """Say, in the caller's transaction, that a passage is further; raises `Overtaken` if it is not where it was.

    Whoever goes on and whoever undoes do so by this one statement, so that only one of them can.
    """
    last = to in (Stage.DONE, Stage.UNDONE)
    moved = registry.execute(
        update(Passage)
        .where(Passage.id == passage.id, Passage.stage == since, Passage.finished_at.is_(None))
        .values(
            stage=to,
            fault=fault[:500],
            details=passage.details | details,
            finished_at=now() if last else None,
        )
        .returning(Passage.id)
    ).one_or_none()
    if moved is None:
        raise Overtaken
    passage.stage, passage.details = to, passage.details | details


def note(passage: Passage, **details: Any) -> None:
    """Keep at once what undoing needs, before it is needed."""
    with RegistrySession() as registry:
        advance(registry, passage, Stage(passage.stage), since=Stage(passage.stage), **details)
        registry.commit()


@contextmanager
def held(passage_id: int) -> Iterator[Passage]:
    """Work on a passage as the only process; raises `StillAtWork` if another one does.

    The lock ends with this process, however it ends. It spares double work; what decides is `advance`.
    """
    with owner_connection(PRIMARY) as owner:
        owner.execute("SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL transaction_timeout = 0")
        if owner.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", (_LOCKS, passage_id)).fetchone() != (True,):
            raise StillAtWork
        with RegistrySession() as registry:
            passage = registry.get_one(Passage, passage_id)
            registry.expunge(passage)
        yield passage


def unfinished(tenant_id: str, *acts: Act) -> Sequence[int]:
    """Passages of a company that have not come to an end, oldest first."""
    with RegistrySession() as registry:
        found = select(Passage.id).where(Passage.tenant_id == tenant_id, Passage.finished_at.is_(None))
        return registry.scalars(found.where(Passage.act.in_(acts)).order_by(Passage.id)).all()


def passages_of(registry: Session, tenant_id: str, *acts: Act, limit: int = 50) -> Sequence[Passage]:
    """What was done to a company as a whole, newest first."""
    found = select(Passage).where(Passage.tenant_id == tenant_id, Passage.act.in_(acts or tuple(Act)))
    return registry.scalars(found.order_by(Passage.id.desc()).limit(limit)).all()
