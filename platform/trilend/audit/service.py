"""Writes and reads the audit log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.changes import Changes
from trilend.audit.masks import without_personal_numbers
from trilend.audit.models import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who acts: a person's user id and name, or a name alone for programs and for people outside.

    `answers` is the user id of who let a program in, and so may hold its secret.
    """

    name: str
    user_id: int | None = None
    answers: int | None = None


SYSTEM = Actor("system")


def record(
    session: Session,
    actor: Actor,
    act: str,
    subject_type: str,
    subject_id: int,
    *,
    reason: str = "",
    changes: Changes | None = None,
    **details: Any,
) -> None:
    """Add a line to the caller's transaction, so that act and line stand or fall together.

    `changes` is what `changes.changed` made of two snapshots. The database links the line when the transaction commits.
    """
    session.add(line(actor, act, subject_type, subject_id, reason=reason, changes=changes, **details))


def line(
    actor: Actor,
    act: str,
    subject_type: str,
    subject_id: int,
    *,
    reason: str = "",
    changes: Changes | None = None,
    **details: Any,
) -> AuditEntry:
    """A line that is not in a session yet, for those who add many at once; personal numbers in it are masked."""
    return AuditEntry(
        actor_id=actor.user_id,
        actor=actor.name,
        act=act,
        subject_type=subject_type,
        subject_id=subject_id,
        reason=without_personal_numbers(reason),
        changes=changes or {},
        details=_masked(details),
    )


def history(session: Session, subject_type: str, subject_id: int) -> Sequence[AuditEntry]:
    """What happened to one subject, oldest first."""
    return session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject_type == subject_type, AuditEntry.subject_id == subject_id)
        .order_by(AuditEntry.id)
    ).all()


def _masked(details: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: without_personal_numbers(value) if isinstance(value, str) else value for name, value in details.items()
    }
