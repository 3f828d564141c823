"""What the registry keeps of a tenant's life."""

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import REGISTRY_SCHEMA, BigKey, Created, RegistryBase


class TenantEvent(Created, RegistryBase):
    """One line of a tenant's log: what happened to it, by which operator, and why; never changed, never removed.

    `operator_id` is empty for what the platform or the tenant itself did; `operator` is the name at that time.
    """

    __tablename__ = "tenant_event"
    __table_args__ = (Index("tenant_event_tenant", "tenant_id", "id"), {"info": {"append_only": True}})

    id: Mapped[BigKey]
    tenant_id: Mapped[str] = mapped_column(ForeignKey(f"{REGISTRY_SCHEMA}.tenant.id"))
    act: Mapped[str] = mapped_column(String(32))
    operator_id: Mapped[int | None]
    operator: Mapped[str] = mapped_column(String(100), default="")
    reason: Mapped[str] = mapped_column(String(500), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
