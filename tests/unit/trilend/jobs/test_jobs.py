"""Jobs: they leave after commit only, run once per lease, and outlive the process that held them."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from trilend.errors import Refused
from trilend.jobs import handlers, wake
from trilend.jobs.models import Job, JobState, Queue
from trilend.jobs.service import JobRun, enqueue, handles, run_job, sweep
from trilend.tenancy.context import bound, current_tenant, tenant_session

done: list[int] = []


@handles("test.count")
def _count(run: JobRun) -> dict[str, int]:
    done.append(run.payload["n"])
    run.progress(1, 2, note="half")
    return {"n": run.payload["n"]}


@handles("test.refuse")
def _refuse(run: JobRun) -> None:
    raise Refused("never")


@handles("test.stumble")
def _stumble(run: JobRun) -> None:
    if run.attempt == 1:
        raise ConnectionError("broken pipe")
    done.append(run.attempt)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str | None, Queue]]:
    """What is sent to the workers."""
    done.clear()
    messages: list[tuple[str | None, Queue]] = []
    monkeypatch.setattr(wake, "offer", lambda tenant, queue: messages.append((tenant, queue)))
    return messages


def test_a_job_leaves_after_commit_only(session: Session, tenant: Any, sent: list[Any]) -> None:
    enqueue(session, "test.count", {"n": 1})
    assert sent == []
    session.commit()
    assert sent == [(tenant.id, Queue.INTERACTIVE)]


def test_a_job_of_a_rolled_back_transaction_never_was(session: Session, sent: list[Any]) -> None:
    enqueue(session, "test.count", {"n": 1})
    session.rollback()
    session.commit()
    assert sent == []
    assert session.scalar(select(func.count()).select_from(Job)) == 0


def test_a_savepoint_does_not_send_early(session: Session, sent: list[Any]) -> None:
    with session.begin_nested():
        enqueue(session, "test.count", {"n": 1})
    assert sent == []
    session.commit()
    assert len(sent) == 1


def test_a_job_runs_once_however_often_it_is_sent(session: Session, tenant: Any, sent: list[Any]) -> None:
    job = enqueue(session, "test.count", {"n": 7})
    session.commit()
    assert [run_job(tenant.id, job.id) for _ in range(3)] == [True, False, False]
    assert done == [7]
    session.refresh(job)
    assert (job.state, job.result, job.done_steps) == (JobState.DONE, {"n": 7}, 1)


def test_a_lost_message_is_found_by_the_sweep(
    session: Session, tenant: Any, sent: list[Any], run_jobs: Callable[[], int]
) -> None:
    enqueue(session, "test.count", {"n": 3})
    session.commit()
    assert done == []
    run_jobs()
    assert 3 in done  # the sweep also does what earlier tests left lying


def test_the_job_of_a_dead_worker_is_taken_over_when_its_lease_ends(
    session: Session, tenant: Any, sent: list[Any]
) -> None:
    job = enqueue(session, "test.count", {"n": 4})
    session.commit()
    session.execute(
        update(Job).values(
            state=JobState.RUNNING, lease_token="dead", lease_until=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, 1)
        )
    )
    session.commit()
    assert run_job(tenant.id, job.id) is False
    time.sleep(1.1)
    found: list[tuple[str | None, int]] = []
    sweep(lambda tenant_id, job_id: found.append((tenant_id, job_id)))
    assert (tenant.id, job.id) in found
    assert run_job(tenant.id, job.id) is True
    assert done == [4]


def test_a_refusal_ends_a_job_and_an_accident_tries_it_again(session: Session, tenant: Any, sent: list[Any]) -> None:
    refused, stumbling = enqueue(session, "test.refuse", {}), enqueue(session, "test.stumble", {})
    session.commit()
    for job in (refused, stumbling):
        run_job(tenant.id, job.id)
    session.expire_all()
    assert (refused.state, refused.note) == (JobState.FAILED, "never")
    assert stumbling.state == JobState.QUEUED
    session.execute(update(Job).values(not_before=func.now()))
    session.commit()
    assert run_job(tenant.id, stumbling.id) is True
    session.expire_all()
    assert (stumbling.state, done) == (JobState.DONE, [2])


def test_a_handler_works_for_the_tenant_of_its_job(session: Session, tenant: Any, sent: list[Any]) -> None:
    seen: list[str] = []
    handlers.handles("test.who")(lambda run: seen.append(current_tenant().id))  # type: ignore[func-returns-value]
    job = enqueue(session, "test.who", {})
    session.commit()
    run_job(tenant.id, job.id)
    assert seen == [tenant.id]


def test_a_job_of_one_tenant_is_unknown_in_another(
    session: Session, tenant: Any, new_tenant: Callable[..., Any], sent: list[Any]
) -> None:
    job = enqueue(session, "test.count", {"n": 9})
    session.commit()
    other = new_tenant(name="另一家小额贷款有限公司")
    assert run_job(other.id, job.id) is False
    with bound(other):
        assert tenant_session.scalar(select(func.count()).select_from(Job)) == 0
    assert done == []
