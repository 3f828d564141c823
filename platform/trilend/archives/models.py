"""What the registry keeps of companies that are carried out, in, across, back from the past, or to their end."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase


class Act(StrEnum):
    """What is done to a company as a whole."""

    EXPORT = "export"
    IMPORT = "import"
    MOVE = "move"
    RESTORE = "restore"
    CLOSE = "close"


class Stage(StrEnum):
    """How far it is. `begun` and `announced` can be undone, `switched` and `sealed` only go forward.

    begun: at work, or killed at work · announced: a closing waits for its day · switched: a moved company works in its
    new place and the old one is still there · sealed: a closed company has its final archive and no keys any more ·
    ready: an exported file waits for its download, and expires · done · undoing · undone: everything is as it was before.
    """

    BEGUN = "begun"
    ANNOUNCED = "announced"
    SWITCHED = "switched"
    SEALED = "sealed"
    READY = "ready"
    DONE = "done"
    UNDOING = "undoing"
    UNDONE = "undone"


class Passage(Created, RegistryBase):
    """One act on a company as a whole, so that a process that is killed leaves behind what it had begun.

    `tenant_id` is the company (of an import: the one that is made), `actor` who wanted it, `details` what going on or
    undoing needs, `due_at` when a closing may be carried out or a file expires, `fault` why it was undone. While a
    process works on it, it holds the passage's lock (`archives.passages`).
    """

    __tablename__ = "passage"
    __table_args__ = (
        Index("passage_tenant", "tenant_id", "act"),
        Index(
            "passage_one_at_a_time",
            "tenant_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL AND act IN ('move', 'close')"),
        ),
    )

    id: Mapped[BigKey]
    act: Mapped[Act] = mapped_column(String(16))
    tenant_id: Mapped[str] = mapped_column(String(16))
    slug: Mapped[str] = mapped_column(String(63))
    stage: Mapped[Stage] = mapped_column(String(16), default=Stage.BEGUN)
    actor: Mapped[str] = mapped_column(String(100))
    job_id: Mapped[int | None] = mapped_column(BigInteger)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    due_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    fault: Mapped[str] = mapped_column(String(500), default="")
