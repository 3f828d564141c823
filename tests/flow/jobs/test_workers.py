"""Real workers: nobody starves, the night holds no day up, and a worker that is told to stop hands over at once."""

import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from tests.flow.jobs import work  # noqa: F401  # its jobs, for their queues
from tests.flow.jobs.conftest import Worker

from trilend.jobs.models import Job, JobState
from trilend.jobs.service import enqueue, enqueue_many
from trilend.tenancy.context import bound, tenant_session

pytestmark = pytest.mark.slow


def wait_for(session: Session, job: Any, state: JobState, seconds: float) -> float:
    """Wait until a job is in a state; seconds it took."""
    begun = time.monotonic()
    while True:
        session.refresh(job)
        session.commit()
        if job.state == state:
            return time.monotonic() - begun
        assert time.monotonic() - begun < seconds, (job.state, job.note)
        time.sleep(0.01)


def test_a_single_job_does_not_wait_for_the_thousands_of_another_company(
    session: Session, tenant: Any, new_tenant: Callable[..., Any], worker: Worker
) -> None:
    small = new_tenant(kind="broker", name="小助贷有限公司")
    with bound(small):
        # Its tables are known to the workers by then.
        worker.start()
        first = enqueue(tenant_session(), "work.short", {})
        tenant_session.commit()
        wait_for(tenant_session(), first, JobState.DONE, 20)
    enqueue_many(session, "work.short", [{"seconds": 0.02}] * 10_000)
    session.commit()
    time.sleep(1)
    waits = []
    with bound(small):
        for _ in range(5):
            job = enqueue(tenant_session(), "work.short", {})
            tenant_session.commit()
            waits.append(wait_for(tenant_session(), job, JobState.DONE, 15))
    left = session.scalar(select(func.count()).select_from(Job).where(Job.state == JobState.QUEUED)) or 0
    print("waits", [round(wait, 3) for wait in waits], "left", left)
    assert left > 5_000
    assert sorted(waits)[2] < 1.0
    assert max(waits) < 3.0


def test_the_night_takes_no_place_of_the_day(session: Session, tenant: Any, worker: Worker) -> None:
    worker.start(interactive=1, batch=1)
    nights = [enqueue(session, "work.night", {"seconds": 30}) for _ in range(3)]
    session.commit()
    wait_for(session, nights[0], JobState.RUNNING, 20)
    day = enqueue(session, "work.short", {})
    session.commit()
    assert wait_for(session, day, JobState.DONE, 10) < 5
    assert [night.state for night in nights].count(JobState.DONE) == 0


def test_a_worker_that_stops_hands_its_job_over_at_once(session: Session, tenant: Any, worker: Worker) -> None:
    stopping = worker.start()
    job = enqueue(session, "work.steps", {})
    session.commit()
    wait_for(session, job, JobState.RUNNING, 20)
    worker.start()
    session.refresh(job)
    before, token = job.done_steps, job.lease_token
    assert job.state == JobState.RUNNING
    stopping.send_signal(signal.SIGTERM)
    begun = time.monotonic()
    while True:
        session.refresh(job)
        session.commit()
        if job.lease_token != token and job.state == JobState.RUNNING:
            break
        assert time.monotonic() - begun < 10
        time.sleep(0.01)
    # Far less than the lease of three seconds, and it cost no attempt.
    assert time.monotonic() - begun < 2
    assert (job.attempts, before > 0) == (1, True)
    assert stopping.wait(15) == 0
