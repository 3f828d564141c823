"""Which plugins a tenant allows, and the connections it has set up."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase
from trilend.storage.sealed import SealedJson


class AllowedPlugin(TenantBase):
    """A plugin this tenant has allowed to run for it."""

    __tablename__ = "allowed_plugin"

    plugin: Mapped[str] = mapped_column(String(100), primary_key=True)
    allowed: Mapped[bool] = mapped_column(default=True)


class ConnectionState(StrEnum):
    """Entered but not tested, in use, or switched off."""

    DRAFT = "draft"
    ACTIVE = "active"
    OFF = "off"


class Connection(Created, TenantBase):
    """One configured relation to the outside through a plugin; secrets are write-only and encrypted."""

    __tablename__ = "connection"

    id: Mapped[BigKey]
    plugin: Mapped[str] = mapped_column(String(100), ForeignKey("allowed_plugin.plugin"))
    topic: Mapped[str] = mapped_column(String(32), index=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)
    config: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    secrets: Mapped[dict[str, Any]] = mapped_column(SealedJson, default=dict)
    state: Mapped[ConnectionState] = mapped_column(String(16), default=ConnectionState.DRAFT)
    checked_at: Mapped[datetime | None]
    check_message: Mapped[str] = mapped_column(String(500), default="")
