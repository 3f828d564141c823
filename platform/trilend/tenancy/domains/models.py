"""What the registry keeps of domains."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import REGISTRY_SCHEMA, BigKey, Created, RegistryBase


class DomainState(StrEnum):
    """Claimed and not proved yet; proved and served; not proved in time; proved once, but its proof has gone."""

    PENDING = "pending"
    VERIFIED = "verified"
    FAILED = "failed"
    LOST = "lost"


class Method(StrEnum):
    """How a claim is proved: by a TXT record in the DNS, or by a file that the host hands out."""

    RECORD = "record"
    FILE = "file"


class Domain(Created, RegistryBase):
    """A tenant's claim to a host name (ASCII, as the DNS has it).

    Many may claim a name, so that nobody can keep the owner from it; only one can have it proved. `token` is what the
    owner publishes, in the way that `method` says, and is good for this tenant alone. `missed` counts checks in a row
    that found no proof.
    """

    __tablename__ = "domain"
    __table_args__ = (
        UniqueConstraint("tenant_id", "host"),
        Index("domain_proved", "host", unique=True, postgresql_where=text("state = 'verified'")),
        Index("domain_next_check", "next_check_at"),
    )

    id: Mapped[BigKey]
    tenant_id: Mapped[str] = mapped_column(ForeignKey(f"{REGISTRY_SCHEMA}.tenant.id"))
    host: Mapped[str] = mapped_column(String(253))
    token: Mapped[str] = mapped_column(String(64))
    method: Mapped[Method] = mapped_column(String(16), default=Method.RECORD, server_default=Method.RECORD)
    state: Mapped[DomainState] = mapped_column(String(16), default=DomainState.PENDING)
    note: Mapped[str] = mapped_column(String(64), default="")
    missed: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[datetime | None]
    next_check_at: Mapped[datetime]
    verified_at: Mapped[datetime | None]
