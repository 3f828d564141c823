"""A message that has been sent, kept where one machine has no mail server."""

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase


class OutboxMessage(Created, RegistryBase):
    """What would have gone out by mail or short message; shown on the outbox page of a one-machine installation."""

    __tablename__ = "outbox_message"

    id: Mapped[BigKey]
    channel: Mapped[str] = mapped_column(String(8))
    recipient: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)
