"""What the registry keeps of migrations that ran."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase


class FleetRun(Created, RegistryBase):
    """One run over all tenants: where to, how many, how far; `finished_at` is empty while it runs or was killed."""

    __tablename__ = "fleet_run"

    id: Mapped[BigKey]
    targets: Mapped[dict[str, Any]] = mapped_column(JSON)
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime | None]
