"""What the registry stores about tenants and about those who operate the platform."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase


class TenantState(StrEnum):
    """A tenant's life: being made, on trial, verified by an operator, suspended, closed."""

    PROVISIONING = "provisioning"
    TRIAL = "trial"
    VERIFIED = "verified"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Tenant(Created, RegistryBase):
    """One company; `id` is opaque and names schema and role (`t_<id>`), `slug` is its subdomain."""

    __tablename__ = "tenant"
    __table_args__ = (UniqueConstraint("slug"), UniqueConstraint("uscc"))

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    slug: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    uscc: Mapped[str] = mapped_column(String(18))
    state: Mapped[TenantState] = mapped_column(String(16), default=TenantState.PROVISIONING)
    revision: Mapped[str] = mapped_column(String(64), default="")
    shard: Mapped[str] = mapped_column(String(32), default="primary")
    plan: Mapped[str] = mapped_column(String(32), default="trial")
    wrapped_key: Mapped[bytes] = mapped_column(LargeBinary)
    ready_at: Mapped[datetime | None]

    @property
    def schema(self) -> str:
        """Name of the tenant's schema and of its role."""
        return f"t_{self.id}"


class Operator(Created, RegistryBase):
    """A person of the operating company who may enter the console."""

    __tablename__ = "operator"

    id: Mapped[BigKey]
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
