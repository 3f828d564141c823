"""Whose turn it is, for whom work is done, and how it ends when it may not go on."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from flask_babel import gettext
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from werkzeug.test import Client

from trilend.audit.models import AuditEntry
from trilend.config import settings
from trilend.jobs import leases, running, stopping
from trilend.jobs.handlers import Policy, handles
from trilend.jobs.models import Job, JobState, Queue
from trilend.jobs.origin import Origin, here, within
from trilend.jobs.runs import JobRun, claim, leave, prolong
from trilend.jobs.service import enqueue, enqueue_many, enqueue_once, run_job
from trilend.jobs.watch import _look
from trilend.tenancy.context import bound, tenant_session

seen: dict[str, Any] = {}


@handles("test.batch", queue=Queue.BATCH)
def _batch(run: JobRun) -> None:
    seen["batch"] = run.payload


@handles("test.speak")
def _speak(run: JobRun) -> dict[str, str]:
    seen["origin"] = here()
    enqueue(tenant_session(), "test.batch", {})
    tenant_session.commit()
    return {"text": gettext("Background work")}


@handles("test.slow", policy=Policy(limit_seconds=0.6))
def _slow(run: JobRun) -> None:
    for _ in range(100):
        time.sleep(0.05)


@handles("test.steps")
def _steps(run: JobRun) -> dict[str, int]:
    for step in range(run.payload.get("from", 0), 5):
        seen["steps"] = step + 1
        if step == 2 and run.attempt == 1 and "stop" in run.payload and not seen.get("stopped"):
            seen["stopped"] = True
            stopping.tell()
        run.progress(step + 1, 5)
    return {"steps": 5}


@handles("test.once")
def _once(run: JobRun) -> None:
    session = tenant_session()
    session.add(AuditEntry(actor="job", act="test.once", subject_type="job", subject_id=run.id))
    run.complete(session)
    session.commit()
    if run.payload.get("fall"):
        raise ConnectionError("after the commit")


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing seen yet, and nobody told to stop."""
    seen.clear()
    monkeypatch.setattr(stopping, "_told", threading.Event())


def test_each_company_has_its_turn(
    session: Session, tenant: Any, new_tenant: Callable[..., Any], offers: list[Any], noted: list[Any]
) -> None:
    enqueue_many(session, "test.note", [{"n": n} for n in range(2000)])
    session.commit()
    assert offers == [(tenant.id, Queue.INTERACTIVE)]
    begun = time.monotonic()
    ran = running.work(tenant.id, Queue.INTERACTIVE)
    # A slice and no more; before it begins the company stands at the end of the line again.
    assert time.monotonic() - begun < 2
    assert 1 <= ran < 2000
    assert offers[1:] == [(tenant.id, Queue.INTERACTIVE)] * 2
    assert noted == list(range(ran))


def test_a_company_has_no_more_at_work_than_it_may(session: Session, tenant: Any, offers: list[Any]) -> None:
    enqueue_many(session, "test.note", [{} for _ in range(settings().jobs_per_tenant + 2)])
    enqueue(session, "test.batch", {})
    session.commit()
    taken = [claim(tenant, Queue.INTERACTIVE) for _ in range(settings().jobs_per_tenant + 1)]
    assert [run is not None for run in taken] == [True] * settings().jobs_per_tenant + [False]
    # The other queue has places of its own.
    assert claim(tenant, Queue.BATCH) is not None
    session.execute(update(Job).where(Job.id == taken[0].id).values(lease_until=func.now()))  # type: ignore[union-attr]
    session.commit()
    assert claim(tenant, Queue.INTERACTIVE) is not None


def test_a_queue_does_only_its_own_work(session: Session, tenant: Any, offers: list[Any]) -> None:
    job = enqueue(session, "test.batch", {"n": 1})
    session.commit()
    assert offers == [(tenant.id, Queue.BATCH)]
    assert running.work(tenant.id, Queue.INTERACTIVE) == 0
    session.refresh(job)
    assert job.state == JobState.QUEUED
    assert running.work(tenant.id, Queue.BATCH) == 1
    assert seen["batch"] == {"n": 1}


def test_a_job_speaks_the_language_and_bears_the_trace_of_who_asked(
    session: Session, tenant: Any, offers: list[Any]
) -> None:
    asked = Origin(7, "zh_Hans", "a" * 32)
    with within(asked):
        job = enqueue(session, "test.speak", {})
    session.commit()
    assert (job.created_by, job.language, job.trace) == (7, "zh_Hans", "a" * 32)  # type: ignore[union-attr]
    run_job(tenant.id, job.id)
    session.refresh(job)
    assert seen["origin"] == asked
    assert job.result == {"text": "后台工作"}
    child = session.scalars(select(Job).where(Job.name == "test.batch")).one()
    assert (child.created_by, child.language, child.trace) == (7, "zh_Hans", "a" * 32)
    with within(Origin(8, "en", "b" * 32)):
        english = enqueue(session, "test.speak", {})
    session.commit()
    run_job(tenant.id, english.id)
    session.refresh(english)
    assert english.result == {"text": "Background work"}


def test_a_request_gives_its_trace_to_the_work_it_asks_for(
    application: Any, tenant: Any, browse: Callable[[str], Client], offers: list[Any]
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    app = application._tenant
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    with bound(tenant), app.test_request_context("/?lang=en", headers=headers):
        assert here() == Origin(None, "en", trace)
    with bound(tenant), app.test_request_context("/", headers={"traceparent": "forged line", "X-Request-ID": "1"}):
        assert here().trace not in ("1", trace)
        assert len(here().trace) == 32


def test_work_that_takes_too_long_is_called_back_and_tried_again(
    session: Session, tenant: Any, offers: list[Any]
) -> None:
    job = enqueue(session, "test.slow", {})
    session.commit()
    begun = time.monotonic()
    run_job(tenant.id, job.id)
    assert time.monotonic() - begun < 3
    session.refresh(job)
    assert (job.state, job.attempts) == (JobState.QUEUED, 1)
    assert "longer than it may" in job.note or "超过了允许的时间" in job.note
    assert leases.count() == 0


def test_a_worker_that_stops_puts_its_job_down_for_the_next_at_once(
    session: Session, tenant: Any, offers: list[Any]
) -> None:
    job = enqueue(session, "test.steps", {"stop": True})
    session.commit()
    offers.clear()
    run_job(tenant.id, job.id)
    session.refresh(job)
    assert (job.state, job.attempts, job.done_steps, job.lease_until) == (JobState.QUEUED, 0, 3, None)
    assert offers == [(tenant.id, Queue.INTERACTIVE)]
    assert running.work(tenant.id, Queue.INTERACTIVE) == 0, "a worker that stops takes nothing"
    stopping._told.clear()
    assert running.work(tenant.id, Queue.INTERACTIVE) == 1
    session.refresh(job)
    assert (job.state, job.attempts, job.done_steps) == (JobState.DONE, 1, 5)


def test_what_is_completed_in_the_handlers_transaction_happened_once(
    session: Session, tenant: Any, offers: list[Any]
) -> None:
    job = enqueue(session, "test.once", {"fall": True})
    session.commit()
    run_job(tenant.id, job.id)
    session.refresh(job)
    assert job.state == JobState.DONE
    entries = select(func.count()).select_from(AuditEntry).where(AuditEntry.act == "test.once")
    assert session.scalar(entries) == 1
    assert run_job(tenant.id, job.id) is False


def test_an_attempt_whose_job_somebody_else_has_leaves_no_trace(
    session: Session, tenant: Any, offers: list[Any]
) -> None:
    job = enqueue(session, "test.once", {})
    session.commit()
    lost = claim(tenant, Queue.INTERACTIVE)
    assert lost is not None
    session.execute(update(Job).values(lease_token="another"))
    session.commit()
    running._run(lost, and_next=lambda: False)
    session.refresh(job)
    assert (job.state, job.lease_token) == (JobState.RUNNING, "another")
    assert session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.act == "test.once")) == 0


def test_the_same_key_is_done_once(session: Session, tenant: Any, offers: list[Any], noted: list[Any]) -> None:
    assert enqueue_once(session, "k", "test.note", {"n": 1}) is True
    assert enqueue_once(session, "k", "test.note", {"n": 2}) is False
    session.commit()
    running.work(tenant.id, Queue.INTERACTIVE)
    assert enqueue_once(session, "k", "test.note", {"n": 3}) is False
    session.commit()
    running.work(tenant.id, Queue.INTERACTIVE)
    assert noted == [1]


def test_a_lease_that_ends_by_itself_is_counted_and_one_that_is_left_in_order_is_not(
    session: Session, tenant: Any, offers: list[Any]
) -> None:
    job = enqueue(session, "test.batch", {})
    session.commit()
    for lost in (0, 1):
        run = claim(tenant, Queue.BATCH)
        assert run is not None
        if lost:
            prolong(tenant, [run.lease_token], -1)
        else:
            leave(tenant, [run.lease_token], -1)
        _look(tenant)
        session.refresh(job)
        session.commit()
        assert (job.state, job.lost_leases) == (JobState.QUEUED, lost)
