"""Invariant 2 for tasks: a message that is forged, replayed or not JSON makes no tenant do what it did not ask for."""

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu.entity import Exchange
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.jobs import wake
from trilend.jobs.models import Job, JobState, Queue
from trilend.jobs.queue import app, configure
from trilend.jobs.service import enqueue
from trilend.messages.models import OutboxMessage
from trilend.tenancy.context import RegistrySession, bound, tenant_session

_MESSAGE = {"channel": "mail", "recipient": "a@example.com", "subject": "s", "body": "b"}


@pytest.fixture
def worker(installation: Any, tmp_path: Path) -> Iterator[Path]:
    """A real worker process; its log."""
    log = tmp_path / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-m", "trilend.cli", "worker"], stdout=output, stderr=output)
    configure()
    # Whoever can write to the broker is not bound by what our own sender may do.
    app.conf.task_create_missing_queues = True
    yield log
    app.conf.task_create_missing_queues = False
    process.terminate()
    process.wait(20)


class Payload:
    """Makes a file when it is unpickled."""

    def __init__(self, made: Path) -> None:
        self._made = made

    def __reduce__(self) -> Any:
        """Unpickling calls this function."""
        return os.mkdir, (str(self._made),)


def test_forged_messages_do_nothing_in_another_tenant(
    session: Session, tenant: Any, new_tenant: Callable[..., Any], worker: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim = new_tenant(name="另一家小额贷款有限公司")
    mine = enqueue(session, "messages.send", _MESSAGE, seconds=3600)
    session.commit()
    with bound(victim):
        waiting = enqueue(tenant_session(), "messages.send", _MESSAGE, seconds=3600)
        tenant_session.commit()
        waiting_id = waiting.id

    forged: list[tuple[str, list[Any], dict[str, Any]]] = [
        # Somebody else's id with a job's number, as the release before sent it; a job of mine under the victim's id.
        ("trilend.run_job", [victim.id, waiting_id], {}),
        ("trilend.run_job", [victim.id, mine.id], {}),
        ("trilend.work", [victim.id, "interactive"], {}),
        ("trilend.work", [victim.id, "interactive"], {"payload": _MESSAGE}),
        ("trilend.work", [victim.id, "no such queue"], {}),
        ("trilend.work", [f"{victim.id}'; DROP TABLE job; --", "interactive"], {}),
        ("trilend.work", [victim.slug, "interactive"], {}),
        ("trilend.work", [None, "interactive"], {}),
        ("messages.send", [_MESSAGE], {}),
        ("os.system", ["true"], {}),
    ]
    for name, arguments, named in forged:
        headers = {"tenant": victim.id, "trilend_tenant": victim.id}
        app.send_task(name, arguments, named, queue=Queue.INTERACTIVE.value, headers=headers)
    _wait_for_a_real_job(session, tenant)

    with bound(victim):
        states = tenant_session.execute(select(Job.id, Job.state, Job.attempts)).all()
    assert states == [(waiting_id, JobState.QUEUED, 0)]
    session.refresh(mine)
    assert (mine.state, mine.attempts) == (JobState.QUEUED, 0)
    with RegistrySession() as registry:
        sent = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.key.startswith(f"{victim.id}."))
        assert registry.scalar(sent) == 0


def test_a_replayed_message_does_what_was_done_no_second_time(session: Session, tenant: Any, worker: Path) -> None:
    _wait_for_a_real_job(session, tenant)
    for _ in range(5):
        app.send_task("trilend.work", [tenant.id, "interactive"], queue=Queue.INTERACTIVE.value)
    _wait_for_a_real_job(session, tenant)
    assert {row.attempts for row in session.scalars(select(Job))} == {1}
    with RegistrySession() as registry:
        sent = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.key.startswith(f"{tenant.id}."))
        assert registry.scalar(sent) == 2


def test_a_pickle_is_refused_before_it_is_opened(session: Session, tenant: Any, worker: Path, tmp_path: Path) -> None:
    made = tmp_path / "made by a pickle"
    with app.connection_for_write() as connection, connection.Producer(exchange=Exchange("interactive")) as producer:
        for content_type in ("application/x-python-serialize", "application/json"):
            producer.publish(
                pickle.dumps([(Payload(made),), {}, {}]),
                routing_key="interactive",
                content_type=content_type,
                content_encoding="binary",
                headers={"task": "trilend.work", "id": "1", "lang": "py"},
            )
    _wait_for_a_real_job(session, tenant)
    assert not made.exists()
    assert "Refusing to deserialize" in worker.read_text() or "ContentDisallowed" in worker.read_text()


def _wait_for_a_real_job(session: Session, tenant: Any) -> None:
    """What was put in the queue before a real job has been handled once that is done."""
    job = enqueue(session, "messages.send", _MESSAGE)
    session.commit()
    deadline = time.monotonic() + 45
    while True:
        session.refresh(job)
        session.commit()
        if job.state == JobState.DONE:
            break
        assert time.monotonic() < deadline, job.note
        wake.offer(tenant.id, Queue.INTERACTIVE)
        time.sleep(0.1)
    assert settings().job_lease_seconds == 3
