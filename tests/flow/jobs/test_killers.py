"""A job that kills its worker each time comes to a person after a while, and takes nobody else's work with it."""

import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.flow.archives.conftest import set_up
from tests.flow.jobs import work  # noqa: F401  # its jobs, for their queues
from tests.flow.jobs.conftest import Worker

from trilend.audit.service import SYSTEM
from trilend.jobs import dead_letters
from trilend.jobs.models import JobState
from trilend.jobs.service import enqueue
from trilend.jobs.watch import look_around, look_by

pytestmark = pytest.mark.slow
_MOST = 3


@pytest.fixture(autouse=True)
def patience(installation: Any) -> Iterator[None]:
    with set_up(TRILEND_JOB_LEASE_SECONDS="1", TRILEND_JOB_LOST_LEASES=str(_MOST)):
        yield


def test_a_job_that_kills_its_worker_each_time_becomes_a_dead_letter(
    session: Session, tenant: Any, worker: Worker
) -> None:
    killer, harmless = enqueue(session, "work.kill", {}), enqueue(session, "work.night", {"seconds": 0})
    session.commit()
    worker.start(interactive=1, batch=1)

    deadline = time.monotonic() + 60
    while killer.state != JobState.FAILED:
        assert time.monotonic() < deadline, (killer.state, killer.attempts, killer.lost_leases)
        look_by(tenant.id, killer.created_at)
        look_around()
        time.sleep(0.2)
        session.expire_all()

    assert (killer.lost_leases, killer.attempts) == (_MOST, _MOST + 1)
    assert killer.result == {"error": "KillsWorkers"}
    assert f"{_MOST} 次" in killer.note
    assert harmless.state == JobState.DONE
    assert [each.id for each in dead_letters.failed_jobs(tenant)] == [killer.id]
    worker.end()

    assert dead_letters.retry(tenant, [killer.id], SYSTEM) == 1
    session.expire_all()
    assert (killer.state, killer.attempts, killer.lost_leases) == (JobState.QUEUED, 0, 0)
