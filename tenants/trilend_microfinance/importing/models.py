"""A workbook that was imported, and what became of its rows."""

from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase
from trilend.organization.scope import Scoped
from trilend.organization.sight import Sight


class ImportBatch(Scoped, Created, TenantBase):
    """One import: the file as it came, counts, and the workbook of rejected rows."""

    scoped_as = "import_batch"
    __tablename__ = "import_batch"

    id: Mapped[BigKey]
    file_name: Mapped[str] = mapped_column(String(200))
    document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    rejected_document_id: Mapped[int | None] = mapped_column(ForeignKey("document.id"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    created_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    imported: Mapped[int] = mapped_column(default=0)
    known: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    doubtful: Mapped[int] = mapped_column(default=0)

    @classmethod
    def visible_to(cls, row: Any, sight: Sight) -> ColumnElement[bool]:
        """By who imported it and where that person works."""
        return sight.covers_work_of(row.created_by)
