"""One line of the audit log."""

from typing import Any

from sqlalchemy import JSON, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase


class AuditEntry(Created, TenantBase):
    """An act on a subject: actor, verb, subject, reason and details without personal identifiers."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("audit_entry_subject", "subject_type", "subject_id"), {"info": {"append_only": True}})

    id: Mapped[BigKey]
    actor_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(100))
    act: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
