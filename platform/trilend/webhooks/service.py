"""What an administrator can do with the addresses that are told events."""

from collections.abc import Sequence
from datetime import timedelta

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from trilend.audit.changes import changed, snapshot
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.errors import NotFound
from trilend.webhooks.errors import EndpointIsOff, TooManyEndpoints
from trilend.webhooks.events import emit_test, release, send
from trilend.webhooks.fetching import check_address
from trilend.webhooks.models import (
    BusinessEvent,
    DeliveryState,
    EndpointState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from trilend.webhooks.signature import new_secret

SUBJECT = "webhook_endpoint"
MOST = 20
OVERLAP_HOURS = 24
MOST_REPLAYED = 500
_AUDITED = ("url", "description", "kinds", "state")


def endpoints(session: Session) -> Sequence[WebhookEndpoint]:
    """All addresses, the oldest first."""
    return session.scalars(select(WebhookEndpoint).order_by(WebhookEndpoint.id)).all()


def endpoint(session: Session, endpoint_id: int) -> WebhookEndpoint:
    """One address; raises `NotFound`."""
    found = session.get(WebhookEndpoint, endpoint_id)
    if found is None:
        raise NotFound(_l("This address does not exist."), id=endpoint_id)
    return found


def add_endpoint(
    session: Session, actor: Actor, *, url: str, description: str, kinds: Sequence[str]
) -> tuple[WebhookEndpoint, str]:
    """Add an address; returns it with its secret, which is never shown again. Raises `WrongAddress`, `TooManyEndpoints`."""
    check_address(url)
    if (session.scalar(select(func.count()).select_from(WebhookEndpoint)) or 0) >= MOST:
        raise TooManyEndpoints(MOST)
    secret = new_secret()
    made = WebhookEndpoint(
        url=url,
        description=description.strip(),
        kinds=" ".join(sorted(kinds)),
        state=EndpointState.ACTIVE,
        secret=secret,
        created_by=actor.user_id,
    )
    session.add(made)
    session.flush()
    record(session, actor, "webhook.added", SUBJECT, made.id, changes=changed(None, snapshot(made, *_AUDITED)))
    return made, secret


def change_endpoint(
    session: Session, actor: Actor, endpoint_id: int, *, url: str, description: str, kinds: Sequence[str]
) -> WebhookEndpoint:
    """Change where and what is told; raises `NotFound`, `WrongAddress`."""
    subject = endpoint(session, endpoint_id)
    check_address(url)
    before = snapshot(subject, *_AUDITED)
    subject.url, subject.description, subject.kinds = url, description.strip(), " ".join(sorted(kinds))
    record(
        session, actor, "webhook.changed", SUBJECT, subject.id, changes=changed(before, snapshot(subject, *_AUDITED))
    )
    return subject


def switch(session: Session, actor: Actor, endpoint_id: int, *, on: bool) -> WebhookEndpoint:
    """Switch an address off, so that what waits is held; or on, so that it is sent."""
    subject = endpoint(session, endpoint_id)
    before = snapshot(subject, *_AUDITED)
    subject.state = EndpointState.ACTIVE if on else EndpointState.OFF
    subject.failing_since = subject.noticed_at = None
    if on:
        release(session, subject)
    record(
        session, actor, "webhook.changed", SUBJECT, subject.id, changes=changed(before, snapshot(subject, *_AUDITED))
    )
    return subject


def rotate_secret(session: Session, actor: Actor, endpoint_id: int) -> tuple[WebhookEndpoint, str]:
    """Give an address a new secret; the former one signs beside it for 24 hours."""
    subject = endpoint(session, endpoint_id)
    secret = new_secret()
    subject.previous_secret, subject.previous_until = subject.secret, now() + timedelta(hours=OVERLAP_HOURS)
    subject.secret = secret
    record(session, actor, "webhook.secret_changed", SUBJECT, subject.id)
    return subject, secret


def send_test(session: Session, actor: Actor, endpoint_id: int) -> BusinessEvent:
    """Send an event that means nothing; raises `EndpointIsOff`."""
    subject = endpoint(session, endpoint_id)
    if subject.state != EndpointState.ACTIVE:
        raise EndpointIsOff
    record(session, actor, "webhook.tested", SUBJECT, subject.id)
    return emit_test(session, subject)


def replay(session: Session, actor: Actor, delivery_id: int) -> None:
    """Send an event again, whatever became of it; the receiver knows it by its id. Raises `NotFound`, `EndpointIsOff`."""
    former = delivery(session, delivery_id)
    if former.endpoint.state != EndpointState.ACTIVE:
        raise EndpointIsOff
    send(session, [(former.event_id, former.endpoint_id)], replayed_by=actor.name)
    record(session, actor, "webhook.replayed", SUBJECT, former.endpoint_id, event=former.event.event_id)


def replay_failed(session: Session, actor: Actor, endpoint_id: int) -> int:
    """Send all that was given up again, the oldest first; returns how many. Raises `NotFound`, `EndpointIsOff`."""
    subject = endpoint(session, endpoint_id)
    if subject.state != EndpointState.ACTIVE:
        raise EndpointIsOff
    of_endpoint = select(WebhookDelivery.event_id).where(WebhookDelivery.endpoint_id == subject.id)
    better = of_endpoint.where(WebhookDelivery.state != DeliveryState.DEAD)
    given_up = of_endpoint.where(
        WebhookDelivery.state == DeliveryState.DEAD, WebhookDelivery.event_id.not_in(better)
    ).distinct()
    events = session.scalars(given_up.order_by(WebhookDelivery.event_id).limit(MOST_REPLAYED)).all()
    send(session, [(event_id, subject.id) for event_id in events], replayed_by=actor.name)
    record(session, actor, "webhook.replayed", SUBJECT, subject.id, rows=len(events))
    return len(events)


def delivery(session: Session, delivery_id: int) -> WebhookDelivery:
    """One delivery with its event and address; raises `NotFound`."""
    whole = (joinedload(WebhookDelivery.event), joinedload(WebhookDelivery.endpoint))
    found = session.scalar(select(WebhookDelivery).options(*whole).where(WebhookDelivery.id == delivery_id))
    if found is None:
        raise NotFound(_l("This delivery does not exist."), id=delivery_id)
    return found


def deliveries(
    session: Session, endpoint_id: int, *, state: str = "", offset: int = 0, limit: int = 50
) -> tuple[Sequence[WebhookDelivery], int]:
    """A page of an address's log, newest first, and how many lines match."""
    statement = select(WebhookDelivery).where(WebhookDelivery.endpoint_id == endpoint_id)
    if state:
        statement = statement.where(WebhookDelivery.state == state)
    total = session.scalar(select(func.count()).select_from(statement.subquery())) or 0
    newest = statement.options(joinedload(WebhookDelivery.event)).order_by(WebhookDelivery.id.desc())
    return session.scalars(newest.offset(offset).limit(limit)).all(), total


def attempts(session: Session, delivery_id: int) -> Sequence[WebhookAttempt]:
    """The requests of a delivery, in order."""
    found = select(WebhookAttempt).where(WebhookAttempt.delivery_id == delivery_id)
    return session.scalars(found.order_by(WebhookAttempt.id)).all()
