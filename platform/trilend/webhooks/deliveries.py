"""The background work that tells an event: one attempt each time, with growing pauses, until it arrives or is given up."""

import random
from collections.abc import Mapping
from datetime import timedelta

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import delete, select
from sqlalchemy.orm import Session, joinedload

from trilend.audit.masks import without_personal_numbers
from trilend.audit.service import SYSTEM, record
from trilend.db.base import now
from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Policy, Queue, enqueue, handles
from trilend.messages.service import send as send_message
from trilend.tenancy.context import current_tenant, tenant_session
from trilend.webhooks.events import JOB, body_of
from trilend.webhooks.fetching import Outcome, post
from trilend.webhooks.models import (
    DeliveryState,
    EndpointState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)
from trilend.webhooks.signature import signatures

PAUSES = (10, 60, 300, 1800, 7200, 21_600, 43_200, 86_400)
"""Seconds between attempts: nine attempts within two days."""
STOPPED_AFTER = timedelta(days=5)
KEPT_DAYS = 90
SWEEP = "webhooks.sweep"
_GONE = 410
_MOST_LOGGED = 2000
_SIGNED_HEADER = "webhook-signature"


@handles(JOB, label=_l("Telling other programs"), queue=Queue.BATCH, policy=Policy(limit_seconds=60))
def _deliver(run: JobRun) -> dict[str, str]:
    session = tenant_session()
    found = _due(session, run.payload, lock=False)
    if found is None:
        return {"state": "passed over"}
    if _is_off(session, found):
        found.state, found.next_at = DeliveryState.HELD, None
        session.commit()
        return {"state": DeliveryState.HELD}
    url, body, headers = found.endpoint.url, body_of(found.event), _headers(found)
    # The other side may take its time: no transaction stays open while it does.
    session.rollback()
    started_at = now()
    outcome = post(url, headers, body)
    again = _due(session, run.payload, lock=True)
    if again is None:
        session.rollback()
        return {"state": "passed over"}
    session.add(
        WebhookAttempt(
            delivery_id=again.id,
            number=again.attempts + 1,
            started_at=started_at,
            milliseconds=outcome.milliseconds,
            url=url,
            request_headers={name: value for name, value in headers.items() if name != _SIGNED_HEADER},
            status=outcome.status,
            failure=outcome.failure,
            answer=without_personal_numbers(outcome.answer)[:_MOST_LOGGED].replace("\0", ""),
        )
    )
    _settle(session, again, outcome)
    state = again.state
    session.commit()
    return {"state": state}


def _due(session: Session, payload: Mapping[str, int], *, lock: bool) -> WebhookDelivery | None:
    """The delivery, if this very attempt has not been made: a job that runs twice makes it once."""
    statement = select(WebhookDelivery).where(
        WebhookDelivery.id == payload["delivery"],
        WebhookDelivery.attempts == payload["attempts"],
        WebhookDelivery.state == DeliveryState.PENDING,
    )
    whole = (joinedload(WebhookDelivery.event), joinedload(WebhookDelivery.endpoint))
    statement = statement.options(*whole).execution_options(populate_existing=True)
    return session.scalar(statement.with_for_update(of=WebhookDelivery) if lock else statement)


def _is_off(session: Session, found: WebhookDelivery) -> bool:
    """Whether the address is switched off; locked before that is believed, so that nothing is held past a switching on."""
    if found.endpoint.state == EndpointState.ACTIVE:
        return False
    endpoint = session.get_one(WebhookEndpoint, found.endpoint_id, with_for_update=True, populate_existing=True)
    return endpoint.state != EndpointState.ACTIVE


def _headers(found: WebhookDelivery) -> dict[str, str]:
    endpoint, event, timestamp = found.endpoint, found.event, int(now().timestamp())
    valid = [endpoint.secret]
    if endpoint.previous_secret and endpoint.previous_until and endpoint.previous_until > now():
        valid.append(endpoint.previous_secret)
    return {
        "content-type": "application/json",
        "user-agent": "Trilend-Webhooks/1",
        "webhook-id": event.event_id,
        "webhook-timestamp": str(timestamp),
        _SIGNED_HEADER: signatures(valid, event.event_id, timestamp, body_of(event)),
        "trilend-event": event.kind,
        "trilend-delivery": str(found.id),
        "trilend-attempt": str(found.attempts + 1),
    }


def _settle(session: Session, delivery: WebhookDelivery, outcome: Outcome) -> None:
    delivery.attempts += 1
    delivery.next_at = None
    endpoint = session.get_one(WebhookEndpoint, delivery.endpoint_id, with_for_update=True)
    if outcome.is_good:
        delivery.state, delivery.delivered_at = DeliveryState.DELIVERED, now()
        endpoint.failing_since = endpoint.noticed_at = None
        return
    endpoint.failing_since = endpoint.failing_since or now()
    if endpoint.state == EndpointState.ACTIVE and (
        outcome.status == _GONE or now() - endpoint.failing_since >= STOPPED_AFTER
    ):
        _stop(session, endpoint)
    if delivery.attempts > len(PAUSES):
        delivery.state = DeliveryState.DEAD
        _notice(session, endpoint)
        return
    pause = PAUSES[delivery.attempts - 1] * random.uniform(0.9, 1.1)  # noqa: S311
    delivery.next_at = now() + timedelta(seconds=pause)
    enqueue(session, JOB, {"delivery": delivery.id, "attempts": delivery.attempts}, seconds=pause)


def _stop(session: Session, endpoint: WebhookEndpoint) -> None:
    """Switch an address off at which nothing arrives; what waits is held, and sent once somebody switches it on."""
    endpoint.state = EndpointState.STOPPED
    record(session, SYSTEM, "webhook.stopped", "webhook_endpoint", endpoint.id)
    endpoint.noticed_at = None
    _notice(session, endpoint)


def _notice(session: Session, endpoint: WebhookEndpoint) -> None:
    """Write to the person who added the address: once for each stretch of failures, and once when it is stopped."""
    if endpoint.noticed_at is not None:
        return
    endpoint.noticed_at = now()
    recipient = session.scalar(select(User.email).where(User.id == endpoint.created_by, User.active.is_(True)))
    if not recipient:
        return
    page = f"{current_tenant().url}/webhooks/{endpoint.id}"
    if endpoint.state == EndpointState.STOPPED:
        body = gettext(
            "Nothing arrives at %(url)s, so it was switched off. Events are kept: %(page)s", url=endpoint.url, page=page
        )
    else:
        body = gettext(
            "An event did not arrive at %(url)s although it was sent many times. See what came back: %(page)s",
            url=endpoint.url,
            page=page,
        )
    send_message(session, channel="mail", recipient=recipient, subject=gettext("Events do not arrive"), body=body)


declare_schedule(
    Declared(
        name="sweep_webhooks",
        job=SWEEP,
        label=_l("Clean-up of the log of events sent"),
        hint=_l("Forgets deliveries after %(days)d days; the events themselves are kept.", days=KEPT_DAYS),
        cron="30 3 * * *",
    )
)


@handles(SWEEP, label=_l("Clean-up of the log of events sent"), queue=Queue.BATCH)
def _sweep(run: JobRun) -> dict[str, int]:
    session = tenant_session()
    old = delete(WebhookDelivery).where(WebhookDelivery.created_at < now() - timedelta(days=KEPT_DAYS))
    removed = session.execute(old).rowcount  # type: ignore[attr-defined]
    session.commit()
    return {"removed": removed}
