"""What has happened, who wants to be told, and what became of each telling."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import BigKey, Created, TenantBase
from trilend.storage.sealed import SealedText


class BusinessEvent(Created, TenantBase):
    """Something that has happened, as `trilend_sdk.events` describes it: `id` is its sequence; never changed."""

    __tablename__ = "business_event"
    __table_args__ = ({"info": {"append_only": True}},)

    id: Mapped[BigKey]
    event_id: Mapped[str] = mapped_column(String(36), unique=True)
    kind: Mapped[str] = mapped_column(String(64))
    version: Mapped[int] = mapped_column(default=1)
    business_date: Mapped[date]
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    subject_number: Mapped[str] = mapped_column(String(64), default="")
    data: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class EndpointState(StrEnum):
    """In use, switched off by a person, or stopped because nothing arrived there for days."""

    ACTIVE = "active"
    OFF = "off"
    STOPPED = "stopped"


class WebhookEndpoint(Created, TenantBase):
    """An address that is told events of the kinds named (separated by spaces).

    `previous_secret` signs beside the new one until `previous_until`. `failing_since` is the first failure after the
    last success, `noticed_at` when somebody was written to about it.
    """

    __tablename__ = "webhook_endpoint"

    id: Mapped[BigKey]
    url: Mapped[str] = mapped_column(String(500))
    description: Mapped[str] = mapped_column(String(200), default="")
    kinds: Mapped[str] = mapped_column(String(1000))
    state: Mapped[EndpointState] = mapped_column(String(16), default=EndpointState.ACTIVE)
    secret: Mapped[str] = mapped_column(SealedText)
    previous_secret: Mapped[str | None] = mapped_column(SealedText)
    previous_until: Mapped[datetime | None]
    failing_since: Mapped[datetime | None]
    noticed_at: Mapped[datetime | None]
    created_by: Mapped[int | None]


class DeliveryState(StrEnum):
    """On its way, arrived, given up, or waiting because its endpoint is switched off."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"
    HELD = "held"


class WebhookDelivery(Created, TenantBase):
    """An event on its way to an endpoint; `replayed_by` is who had it sent again."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index("webhook_delivery_endpoint", "endpoint_id", "id"),
        Index("webhook_delivery_event", "event_id"),
        Index("webhook_delivery_age", "created_at"),
    )

    id: Mapped[BigKey]
    endpoint_id: Mapped[int] = mapped_column(ForeignKey("webhook_endpoint.id", ondelete="CASCADE"))
    event_id: Mapped[int] = mapped_column(ForeignKey("business_event.id"))
    state: Mapped[DeliveryState] = mapped_column(String(16), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    replayed_by: Mapped[str] = mapped_column(String(100), default="")
    endpoint: Mapped[WebhookEndpoint] = relationship(lazy="raise")
    event: Mapped[BusinessEvent] = relationship(lazy="raise")


class WebhookAttempt(TenantBase):
    """One request and what came back: no signature, and no numbers of persons in the answer."""

    __tablename__ = "webhook_attempt"
    __table_args__ = (Index("webhook_attempt_delivery", "delivery_id"),)

    id: Mapped[BigKey]
    delivery_id: Mapped[int] = mapped_column(ForeignKey("webhook_delivery.id", ondelete="CASCADE"))
    number: Mapped[int]
    started_at: Mapped[datetime]
    milliseconds: Mapped[int]
    url: Mapped[str] = mapped_column(String(500))
    request_headers: Mapped[dict[str, str]] = mapped_column(JSON)
    status: Mapped[int | None]
    failure: Mapped[str] = mapped_column(String(32), default="")
    answer: Mapped[str] = mapped_column(Text, default="")
