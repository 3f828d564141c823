"""Events leave after commit only, signed, again until they arrive, and everything is in the log."""

import base64
import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests.flow.webhooks.conftest import ADMIN, Told
from tests.flow.webhooks.receiver import Receiver

from trilend.db.base import now
from trilend.errors import TrilendError
from trilend.jobs.models import Job
from trilend.jobs.service import enqueue, run_job
from trilend.messages.service import recent
from trilend.tenancy.context import bound, tenant_session
from trilend.webhooks import service
from trilend.webhooks.deliveries import JOB, KEPT_DAYS, PAUSES, STOPPED_AFTER, SWEEP
from trilend.webhooks.errors import EndpointIsOff, WrongAddress
from trilend.webhooks.events import emit
from trilend.webhooks.models import (
    BusinessEvent,
    DeliveryState,
    EndpointState,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)

FACTS: dict[str, Any] = {"amount": "50000.00", "value_date": "2026-01-31"}


def happen(company: Any, *, commit: bool = True, loan: int = 7) -> str:
    """A loan is paid out."""
    with bound(company):
        session = tenant_session()
        event = emit(
            session, "loan.disbursed", subject_type="loan", subject_id=loan, number=f"DK26{loan:06d}", data=FACTS
        )
        event_id = event.event_id
        if commit:
            session.commit()
        return event_id


def verified(secret: str, headers: Any, body: bytes) -> bool:
    """Whether a signature in the header is that of this secret (by the specification, not by our code)."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    right = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    return f"v1,{right}" in headers["webhook-signature"].split()


def test_an_event_arrives_signed_and_as_plugins_get_it(told: Told, receiver: Receiver) -> None:
    event_id = happen(told.company)
    assert receiver.requests == []
    told.run_jobs()
    (request,) = receiver.requests
    assert verified(told.secret, request.headers, request.body)
    assert not verified(told.secret, request.headers, request.body + b" ")
    assert (request.headers["webhook-id"], request.headers["trilend-event"]) == (event_id, "loan.disbursed")
    sent = json.loads(request.body)
    assert sent | {"sequence": 0, "occurred_at": "", "business_date": ""} == {
        "event_id": event_id,
        "sequence": 0,
        "kind": "loan.disbursed",
        "version": 1,
        "occurred_at": "",
        "business_date": "",
        "subject": {"kind": "loan", "id": "7", "number": "DK26000007"},
        "data": FACTS,
    }
    (delivery,), (attempt,) = told.deliveries(), told.attempts()
    assert (delivery.state, delivery.attempts) == (DeliveryState.DELIVERED, 1)
    assert (attempt.status, attempt.failure, attempt.answer) == (200, "", "ok")


def test_invariant_9_nothing_leaves_before_the_commit_or_after_a_rollback(told: Told, receiver: Receiver) -> None:
    happen(told.company, commit=False)
    told.run_jobs()
    assert (receiver.requests, told.deliveries()) == ([], [])
    with bound(told.company):
        assert (
            tenant_session.scalar(select(func.count()).select_from(Job).where(Job.name == JOB, Job.state == "queued"))
            == 0
        )


def test_only_what_was_asked_for_is_told(told: Told, receiver: Receiver) -> None:
    with bound(told.company):
        endpoint = tenant_session.get_one(WebhookEndpoint, told.id)
        service.change_endpoint(
            tenant_session(), ADMIN, told.id, url=endpoint.url, description="", kinds=["day.closed"]
        )
        tenant_session.commit()
    happen(told.company)
    told.run_jobs()
    assert receiver.requests == []


@pytest.mark.parametrize(
    ("kind", "data"),
    [("loan.vanished", {}), ("loan.disbursed", {"amount": "1.00"}), ("loan.disbursed", FACTS | {"name": "x"})],
)
def test_an_event_that_its_kind_does_not_declare_is_a_fault_of_ours(
    company: Any, kind: str, data: dict[str, Any]
) -> None:
    with bound(company):
        before = tenant_session.scalar(select(func.count()).select_from(BusinessEvent))
        with pytest.raises(LookupError):
            emit(tenant_session(), kind, subject_type="loan", subject_id=1, data=data)
        tenant_session.commit()
        assert tenant_session.scalar(select(func.count()).select_from(BusinessEvent)) == before


def test_a_failure_is_tried_again_with_growing_pauses_and_given_up_with_a_notice(
    told: Told, receiver: Receiver
) -> None:
    receiver.status, receiver.answer = 503, "证件 110101199003074610 busy".encode()
    happen(told.company)
    told.run_jobs()
    pauses = []
    while (delivery := told.deliveries()[0]).state == DeliveryState.PENDING:
        assert delivery.next_at is not None
        pauses.append((delivery.next_at - told.attempts()[-1].started_at).total_seconds())
        told.wait()
    assert len(receiver.requests) == len(PAUSES) + 1
    # From the beginning of the attempt, which takes a moment on a busy machine.
    assert all(0.9 * plan <= pause <= 1.1 * plan + 20 for plan, pause in zip(PAUSES, pauses, strict=True))
    assert delivery.state == DeliveryState.DEAD
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert [request.headers["trilend-attempt"] for request in receiver.requests] == [str(n) for n in range(1, 10)]
    assert all("110101199003074610" not in attempt.answer for attempt in told.attempts())
    assert "4610" in told.attempts()[0].answer
    assert all("webhook-signature" not in attempt.request_headers for attempt in told.attempts())
    (notice,) = [message for message in recent() if receiver.url in message.body]
    assert (notice.channel, notice.recipient) == ("mail", "admin@example.com")

    receiver.status = 200
    with bound(told.company):
        assert service.replay_failed(tenant_session(), ADMIN, told.id) == 1
        tenant_session.commit()
    told.run_jobs()
    assert [row.state for row in told.deliveries()] == [DeliveryState.DEAD, DeliveryState.DELIVERED]
    assert told.endpoint().failing_since is None
    with bound(told.company):
        assert service.replay_failed(tenant_session(), ADMIN, told.id) == 0


def test_an_event_is_sent_again_on_demand_under_its_own_id(told: Told, receiver: Receiver) -> None:
    event_id = happen(told.company)
    told.run_jobs()
    with bound(told.company):
        service.replay(tenant_session(), ADMIN, told.deliveries()[0].id)
        tenant_session.commit()
    told.run_jobs()
    assert [request.headers["webhook-id"] for request in receiver.requests] == [event_id, event_id]
    assert receiver.requests[0].body == receiver.requests[1].body
    assert told.deliveries()[1].replayed_by == "管理员"


def test_a_job_that_runs_twice_makes_an_attempt_once(told: Told, receiver: Receiver) -> None:
    happen(told.company)
    told.run_jobs()
    with bound(told.company):
        newest = select(Job.id).where(Job.name == JOB).order_by(Job.id.desc()).limit(1)
        job_id = tenant_session.scalars(newest).one()
        tenant_session.execute(update(Job).where(Job.id == job_id).values(state="queued", finished_at=None))
        tenant_session.commit()
    run_job(told.company.id, job_id)
    assert (len(receiver.requests), len(told.attempts())) == (1, 1)


def test_both_secrets_sign_while_one_is_exchanged(told: Told, receiver: Receiver) -> None:
    with bound(told.company):
        _, fresh = service.rotate_secret(tenant_session(), ADMIN, told.id)
        tenant_session.commit()
    happen(told.company)
    told.run_jobs()
    request = receiver.requests[-1]
    assert verified(told.secret, request.headers, request.body)
    assert verified(fresh, request.headers, request.body)
    with bound(told.company):
        tenant_session.execute(
            update(WebhookEndpoint).where(WebhookEndpoint.id == told.id).values(previous_until=now())
        )
        tenant_session.commit()
    happen(told.company)
    told.run_jobs()
    request = receiver.requests[-1]
    assert not verified(told.secret, request.headers, request.body)
    assert verified(fresh, request.headers, request.body)


def test_what_was_on_its_way_waits_while_the_address_is_off_and_new_events_do_not(
    told: Told, receiver: Receiver
) -> None:
    happen(told.company, loan=1)
    switch(told, on=False)
    told.run_jobs()
    happen(told.company, loan=2)
    told.run_jobs()
    assert [row.state for row in told.deliveries()] == [DeliveryState.HELD]
    with bound(told.company):
        for act in (service.send_test, lambda *given: service.replay(*given[:2], told.deliveries()[0].id)):
            with pytest.raises(EndpointIsOff):
                act(tenant_session(), ADMIN, told.id)
    switch(told, on=True)
    told.run_jobs()
    assert [json.loads(request.body)["subject"]["id"] for request in receiver.requests] == ["1"]


def switch(told: Told, *, on: bool) -> None:
    with bound(told.company):
        service.switch(tenant_session(), ADMIN, told.id, on=on)
        tenant_session.commit()


@pytest.mark.parametrize("reason", ["failing for days", "gone"])
def test_an_address_at_which_nothing_arrives_is_switched_off_with_a_notice(
    told: Told, receiver: Receiver, reason: str
) -> None:
    receiver.status = 410 if reason == "gone" else 500
    if reason != "gone":
        with bound(told.company):
            long_ago = now() - STOPPED_AFTER - timedelta(hours=1)
            tenant_session.execute(
                update(WebhookEndpoint).where(WebhookEndpoint.id == told.id).values(failing_since=long_ago)
            )
            tenant_session.commit()
    happen(told.company)
    told.run_jobs()
    assert told.endpoint().state == EndpointState.STOPPED
    told.wait()
    assert [row.state for row in told.deliveries()] == [DeliveryState.HELD]
    assert len(receiver.requests) == 1
    assert any(receiver.url in message.body and "/webhooks/" in message.body for message in recent())
    receiver.status = 200
    switch(told, on=True)
    told.run_jobs()
    assert [row.state for row in told.deliveries()] == [DeliveryState.DELIVERED]


@pytest.mark.parametrize(
    ("fault", "failure"),
    [
        ({"status": 302, "location": "http://localhost:1/elsewhere"}, "redirect"),
        ({"status": 404}, "status"),
        ({"answer": b"x" * 200_000}, "answer_too_large"),
        ({"hang_up": True}, "unreachable"),
    ],
)
def test_what_is_no_good_answer_counts_as_a_failure(
    told: Told, receiver: Receiver, fault: dict[str, Any], failure: str
) -> None:
    for name, value in fault.items():
        setattr(receiver, name, value)
    happen(told.company)
    told.run_jobs()
    assert [attempt.failure for attempt in told.attempts()] == [failure]
    assert [row.state for row in told.deliveries()] == [DeliveryState.PENDING]


def test_nobody_listening_is_a_failure_too(told: Told, receiver: Receiver) -> None:
    receiver.stop()
    happen(told.company)
    told.run_jobs()
    assert [attempt.failure for attempt in told.attempts()] == ["unreachable"]
    receiver.start()


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/x",
        "https://127.1/x",
        "https://2130706433/x",
        "https://0.0.0.0/x",
        "https://10.0.0.7/x",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/x",
        "https://224.0.0.1/x",
        "https://[::1]/x",
        "https://[fe80::1]/x",
        "https://[fd00::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://[64:ff9b::7f00:1]/x",
        "https://[2002:7f00:1::]/x",
        "https://ip6-localhost/x",
        "http://books.example/x",
        "ftp://books.example/x",
        "https://user:word@localhost/x",
        "https://localhost/x#part",
        "https://localhost:99999/x",
        "https:///x",
        "https://no-such-host.invalid/x",
        "https://bücher.example/x",
    ],
)
def test_addresses_inside_of_our_network_are_refused(company: Any, url: str) -> None:
    with bound(company):
        with pytest.raises(WrongAddress):
            service.add_endpoint(tenant_session(), ADMIN, url=url, description="", kinds=["day.closed"])
        assert service.endpoints(tenant_session()) == []


def test_a_name_that_points_inside_later_is_refused_when_something_is_sent(
    told: Told, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator takes the exception back: as if the name had begun to answer with an address of our network."""
    monkeypatch.setattr("trilend.webhooks.fetching._is_excepted", lambda host: False)
    with bound(told.company):
        url = f"https://localhost:{receiver.port}/events"
        tenant_session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == told.id).values(url=url))
        tenant_session.commit()
    happen(told.company)
    told.run_jobs()
    assert [attempt.failure for attempt in told.attempts()] == ["address_refused"]
    assert receiver.requests == []


def test_invariant_2_another_company_is_told_nothing_and_sees_nothing(
    told: Told, receiver: Receiver, new_tenant: Callable[..., Any]
) -> None:
    other = new_tenant(name="绿水小额贷款有限公司")
    happen(told.company)
    happen(other)
    told.run_jobs()
    assert len(receiver.requests) == 1
    with bound(other):
        assert service.endpoints(tenant_session()) == []
        for act in (service.endpoint, service.delivery):
            with pytest.raises(TrilendError):
                act(tenant_session(), told.id)


def test_the_secret_lies_sealed_in_the_database(told: Told, installation: Any) -> None:
    import psycopg

    with psycopg.connect(installation.database.superuser_url) as superuser:
        statement = f"SELECT secret FROM {told.company.schema}.webhook_endpoint WHERE id = %s"
        (kept,) = superuser.execute(statement, (told.id,)).fetchone() or (b"",)
    assert told.secret.encode() not in bytes(kept)
    assert base64.b64decode(told.secret.removeprefix("whsec_")) not in bytes(kept)


def test_old_deliveries_are_swept_and_events_kept(told: Told) -> None:
    event_id = happen(told.company)
    told.run_jobs()
    with bound(told.company):
        session = tenant_session()
        session.execute(update(WebhookDelivery).values(created_at=now() - timedelta(days=KEPT_DAYS + 1)))
        enqueue(session, SWEEP, {})
        session.commit()
    told.run_jobs()
    assert told.deliveries() == []
    with bound(told.company):
        assert tenant_session.scalar(select(func.count()).select_from(WebhookAttempt)) == 0
        assert tenant_session.scalar(select(BusinessEvent.id).where(BusinessEvent.event_id == event_id)) is not None
