"""What the registry keeps of migrations that ran."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, func
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase


class FleetRun(Created, RegistryBase):
    """One run over all tenants: where to, how many, how far.

    `halted` gives the reason for each kind whose first tenant did not come through; `seen_at` is the run's last sign
    of life; `finished_at` is empty while it runs, and for ever if it was killed.
    """

    __tablename__ = "fleet_run"

    id: Mapped[BigKey]
    targets: Mapped[dict[str, Any]] = mapped_column(JSON)
    total: Mapped[int]
    done: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    halted: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
