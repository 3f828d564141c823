"""What people keep of lists: their columns, their filters by name, and the files they had made."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase


class SavedFilter(Created, TenantBase):
    """A list's filters and sorting under a name; `query` is the query string, `shared` shows it to all who see the list."""

    __tablename__ = "saved_filter"
    __table_args__ = (Index("saved_filter_list", "list_name", "user_id"),)

    id: Mapped[BigKey]
    list_name: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(1000))
    shared: Mapped[bool] = mapped_column(default=False)


class ListChoice(TenantBase):
    """How one person wants one list: which columns (none means the usual ones), and which filter to begin with."""

    __tablename__ = "list_choice"
    __table_args__ = (Index("list_choice_filter", "filter_id", postgresql_where=text("filter_id IS NOT NULL")),)

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    list_name: Mapped[str] = mapped_column(String(32), primary_key=True)
    columns: Mapped[list[str] | None] = mapped_column(JSON)
    filter_id: Mapped[int | None] = mapped_column(ForeignKey("saved_filter.id", ondelete="SET NULL"))


class ListExport(Created, TenantBase):
    """A list as a workbook, for the person who asked for it alone; `object_key` is empty until it is made, and again
    once it has been deleted.

    `wanted` is what was asked for: query, columns, language.
    """

    __tablename__ = "list_export"
    __table_args__ = (Index("list_export_person", "user_id", "id"), Index("list_export_expiry", "expires_at"))

    id: Mapped[BigKey]
    list_name: Mapped[str] = mapped_column(String(32))
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    job_id: Mapped[int | None]
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON)
    rows: Mapped[int] = mapped_column(default=0)
    object_key: Mapped[str] = mapped_column(String(64), default="")
    file_name: Mapped[str] = mapped_column(String(120), default="")
    expires_at: Mapped[datetime]
