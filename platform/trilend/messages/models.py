"""Messages that leave: which were handed over, and what is kept where one machine has no mail server."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, RegistryBase


class OutboxMessage(Created, RegistryBase):
    """What would have gone out by mail or short message; shown on the outbox page of a one-machine installation."""

    __tablename__ = "outbox_message"

    id: Mapped[BigKey]
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    channel: Mapped[str] = mapped_column(String(8))
    recipient: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(300))
    body: Mapped[str] = mapped_column(Text)


class DeliveryState(StrEnum):
    """Handed to the mail server whose answer is awaited; answered with yes; never answered."""

    HANDING_OVER = "handing_over"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"


class Delivery(Created, RegistryBase):
    """That a mail was about to be handed over, written down before it was; `id` is its Message-ID without brackets."""

    __tablename__ = "delivery"

    id: Mapped[str] = mapped_column(String(200), primary_key=True)
    state: Mapped[DeliveryState] = mapped_column(String(16))
    settled_at: Mapped[datetime | None]
