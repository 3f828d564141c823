"""Which requests a program has sent under an idempotency key, and what they were answered."""

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase


class IdempotencyRecord(Created, TenantBase):
    """One request under a key of its program; without `status` it has not been answered.

    Whoever works on the request holds the row's lock, so that a crash gives the key free.
    """

    __tablename__ = "idempotency_record"
    __table_args__ = (
        Index("idempotency_record_key", "client_id", "key", unique=True),
        Index("idempotency_record_age", "created_at"),
    )

    id: Mapped[BigKey]
    client_id: Mapped[int] = mapped_column(ForeignKey("api_client.id", ondelete="CASCADE"))
    key: Mapped[str] = mapped_column(String(200))
    request_digest: Mapped[str] = mapped_column(String(64))
    status: Mapped[int | None]
    location: Mapped[str] = mapped_column(String(200), default="")
    answer: Mapped[str] = mapped_column(Text, default="")
