"""Records what happens in a company's business, and queues the telling of it in the same transaction."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.jobs.service import enqueue_many
from trilend.kinds import EventType, kinds
from trilend.parameters.service import business_date
from trilend.tenancy.context import current_tenant
from trilend.webhooks.models import BusinessEvent, DeliveryState, EndpointState, WebhookDelivery, WebhookEndpoint
from trilend_sdk.events import DomainEvent, EventSubject

JOB = "webhooks.deliver"
TEST = "webhook.test"


def event_types() -> Sequence[EventType]:
    """What can happen in the business of the bound tenant's kind."""
    return kinds()[current_tenant().kind].events


def emit(
    session: Session, kind: str, *, subject_type: str, subject_id: int, number: str = "", data: Mapping[str, Any]
) -> BusinessEvent:
    """Record an event in the caller's transaction; whoever wants to know is told after its commit, and only then.

    `data` holds JSON values without identifiers of persons, money as text. Raises `LookupError` for an event that the
    tenant's kind does not declare, or data that are not those declared.
    """
    declared = {each.name: each for each in event_types()}[kind]
    if set(data) != set(declared.data):
        raise LookupError(f"{kind} declares {sorted(declared.data)}, not {sorted(data)}")
    event = _recorded(session, kind, subject_type, subject_id, number, data)
    active = select(WebhookEndpoint.id, WebhookEndpoint.kinds).where(WebhookEndpoint.state == EndpointState.ACTIVE)
    wanted = [row.id for row in session.execute(active) if kind in row.kinds.split()]
    send(session, [(event.id, each) for each in wanted])
    return event


def emit_test(session: Session, endpoint: WebhookEndpoint) -> BusinessEvent:
    """Record an event that means nothing, for one endpoint alone."""
    event = _recorded(session, TEST, "webhook_endpoint", endpoint.id, "", {})
    send(session, [(event.id, endpoint.id)])
    return event


def send(session: Session, pairs: Sequence[tuple[int, int]], replayed_by: str = "") -> None:
    """Queue events for endpoints: pairs of their ids."""
    made = [
        WebhookDelivery(event_id=event_id, endpoint_id=endpoint_id, next_at=now(), replayed_by=replayed_by)
        for event_id, endpoint_id in pairs
    ]
    session.add_all(made)
    session.flush()
    queue(session, [(delivery.id, 0) for delivery in made])


def queue(session: Session, deliveries: Sequence[tuple[int, int]]) -> None:
    """Queue deliveries by id, each for the attempt that follows so many."""
    enqueue_many(session, JOB, [{"delivery": delivery, "attempts": attempts} for delivery, attempts in deliveries])


def release(session: Session, endpoint: WebhookEndpoint) -> None:
    """Queue what waited while its endpoint was switched off."""
    held = WebhookDelivery.state == DeliveryState.HELD
    waiting = session.scalars(select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint.id, held)).all()
    for delivery in waiting:
        delivery.state, delivery.next_at = DeliveryState.PENDING, now()
    queue(session, [(delivery.id, delivery.attempts) for delivery in waiting])


def body_of(event: BusinessEvent) -> bytes:
    """What is sent: the very payload that plugins get (`events/1`), in JSON."""
    told = DomainEvent(
        event_id=event.event_id,
        sequence=event.id,
        kind=event.kind,
        version=event.version,
        occurred_at=event.created_at,
        business_date=event.business_date,
        subject=EventSubject(kind=event.subject_type, id=str(event.subject_id), number=event.subject_number),
        data=event.data,
    )
    return told.model_dump_json().encode()


def _recorded(
    session: Session, kind: str, subject_type: str, subject_id: int, number: str, data: Mapping[str, Any]
) -> BusinessEvent:
    event = BusinessEvent(
        event_id=str(uuid4()),
        kind=kind,
        business_date=business_date(session),
        subject_type=subject_type,
        subject_id=subject_id,
        subject_number=number,
        data=dict(data),
    )
    session.add(event)
    session.flush()
    return event
