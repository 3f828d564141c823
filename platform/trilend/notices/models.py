"""What people were told, and how they want to be told."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase


class Notice(Created, TenantBase):
    """One thing that one person is told. Its words are made from `sort` and `data` in the reader's language.

    `key` is told once to a person; without one each telling is a notice of its own. `url` is a page of this site.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index("notice_person", "user_id", "id"),
        Index("notice_unread", "user_id", postgresql_where=text("read_at IS NULL")),
        Index("notice_key", "user_id", "key", unique=True),
    )

    id: Mapped[BigKey]
    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    sort: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]] = mapped_column(JSON)
    url: Mapped[str] = mapped_column(String(300), default="")
    key: Mapped[str | None] = mapped_column(String(120))
    read_at: Mapped[datetime | None]


class NoticeChoice(TenantBase):
    """How one person wants to be told of one sort; without a row the sort's own way holds."""

    __tablename__ = "notice_choice"

    user_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True)
    sort: Mapped[str] = mapped_column(String(40), primary_key=True)
    in_app: Mapped[bool]
    mail: Mapped[bool]
