"""Papers of a company: the paper itself with the company, where it stands in the registry."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, SmallInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import REGISTRY_SCHEMA, BigKey, Created, RegistryBase, TenantBase
from trilend.storage.sealed import SealedJson


class PaperState(StrEnum):
    """Waits for an operator; in force; refused with a reason; replaced by a later one."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REPLACED = "replaced"


class CompanyPaper(Created, TenantBase):
    """One file of one kind of paper with what stands on it; a renewal is a new row.

    `facts` (`holder`, `number`) are sealed with the tenant's key, as the file is. `valid_until` is empty for a paper
    that does not run out. `submitted_by` is a user, `decided_by` an operator.
    """

    __tablename__ = "company_paper"
    __table_args__ = (Index("company_paper_kind", "kind", "id"),)

    id: Mapped[BigKey]
    kind: Mapped[str] = mapped_column(String(32))
    state: Mapped[PaperState] = mapped_column(String(16), default=PaperState.SUBMITTED)
    facts: Mapped[dict[str, Any]] = mapped_column(SealedJson)
    valid_from: Mapped[date | None]
    valid_until: Mapped[date | None]
    object_key: Mapped[str] = mapped_column(String(64))
    file_name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    submitted_by: Mapped[int | None]
    submitter: Mapped[str] = mapped_column(String(100))
    decided_by: Mapped[int | None]
    decider: Mapped[str] = mapped_column(String(100), default="")
    decided_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(500), default="")


class PaperIndex(RegistryBase):
    """Where a kind of paper of a tenant stands, for the console's lists: nothing of what is on it.

    Written after the tenant's own row; a crash in between leaves it behind until the paper's page or the daily job
    writes it again. `reminded_days` is the last threshold before the end at which the company was reminded.
    """

    __tablename__ = "paper_index"
    __table_args__ = (
        Index("paper_index_state", "state", "submitted_at"),
        Index("paper_index_valid_until", "valid_until"),
    )

    tenant_id: Mapped[str] = mapped_column(ForeignKey(f"{REGISTRY_SCHEMA}.tenant.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    state: Mapped[PaperState] = mapped_column(String(16))
    valid_until: Mapped[date | None]
    submitted_at: Mapped[datetime | None]
    reminded_days: Mapped[int | None] = mapped_column(SmallInteger)
