"""Writes and reads the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.models import AuditEntry


@dataclass(frozen=True)
class Actor:
    """Who acts: a person's user id and name, or a name alone for programs and for people outside."""

    name: str
    user_id: int | None = None


SYSTEM = Actor("system")


def record(
    session: Session, actor: Actor, act: str, subject_type: str, subject_id: int, *, reason: str = "", **details: Any
) -> None:
    """Add a line to the caller's transaction, so that act and line stand or fall together."""
    session.add(
        AuditEntry(
            actor_id=actor.user_id,
            actor=actor.name,
            act=act,
            subject_type=subject_type,
            subject_id=subject_id,
            reason=reason,
            details=details,
        )
    )


def history(session: Session, subject_type: str, subject_id: int) -> Sequence[AuditEntry]:
    """What happened to one subject, oldest first."""
    return session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject_type == subject_type, AuditEntry.subject_id == subject_id)
        .order_by(AuditEntry.id)
    ).all()
