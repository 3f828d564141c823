"""A mail is handed over at most once, and what nobody can know is said and left to a person."""

import email
import smtplib
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from trilend.audit.service import Actor
from trilend.config import settings
from trilend.jobs.dead_letters import retry
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import run_job
from trilend.messages import service, smtp
from trilend.messages.models import Delivery, DeliveryState, OutboxMessage
from trilend.tenancy.context import RegistrySession


class Mailbox:
    """What a mail server has accepted, by Message-ID, and how it answers."""

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.subjects: list[str] = []
        self.refuse_recipient = ""
        self.answers: list[str] = []
        self.after: Callable[[], None] = lambda: None

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:  # noqa: N802
        """Take a recipient unless told otherwise."""
        if self.refuse_recipient:
            return self.refuse_recipient
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail."""
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            mail = email.message_from_bytes(envelope.content)
            self.accepted[mail["Message-ID"]] += 1
            self.subjects.append(str(mail["Subject"]))
        self.after()
        return answer


@pytest.fixture
def mailbox(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    """A mail server on this machine, to which the installation sends."""
    box = Mailbox()
    port = free_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setattr(service, "settings", lambda: settings().model_copy(update={"smtp_url": _Url(port)}))
    yield box
    controller.stop()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class _Url:
    def __init__(self, port: int) -> None:
        self._port = port

    def get_secret_value(self) -> str:
        """The address."""
        return f"smtp://127.0.0.1:{self._port}"


@pytest.fixture
def queued(session: Session) -> Job:
    """A mail that waits to be sent."""
    service.send(session, channel="mail", recipient="a@example.com", subject="还款提醒", body="明天到期。")
    session.commit()
    return session.scalars(select(Job)).one()


def run(session: Session, tenant: Any, job: Job) -> None:
    """Let the job be done now, whenever it was to be."""
    session.execute(update(Job).where(Job.state == JobState.QUEUED).values(not_before=func.now()))
    session.commit()
    run_job(tenant.id, job.id)
    session.refresh(job)


def again(session: Session, job: Job, told: dict[str, Any] | None = None) -> None:
    """As if the worker had died before it could say that the job is done, and forget what it was told."""
    session.refresh(job)
    job.payload = told or job.payload
    job.state, job.lease_token = JobState.QUEUED, None
    session.commit()


def delivery(tenant: Any, job: Job) -> str | None:
    """What is written down of a mail."""
    with RegistrySession() as registry:
        return registry.scalar(select(Delivery.state).where(Delivery.id == f"{tenant.id}.{job.id}@localhost"))


def test_a_mail_has_the_message_id_of_its_job(session: Session, tenant: Any, mailbox: Mailbox, queued: Job) -> None:
    run(session, tenant, queued)
    assert (queued.state, delivery(tenant, queued)) == (JobState.DONE, DeliveryState.ACCEPTED)
    assert mailbox.accepted == {f"<{tenant.id}.{queued.id}@localhost>": 1}


def test_a_worker_that_dies_after_the_server_said_yes_sends_it_no_second_time(
    session: Session, tenant: Any, mailbox: Mailbox, queued: Job
) -> None:
    told = dict(queued.payload)
    run(session, tenant, queued)
    for _ in range(3):
        again(session, queued, told)
        run(session, tenant, queued)
    assert queued.state == JobState.DONE
    assert list(mailbox.accepted.values()) == [1]


def test_an_answer_that_never_came_is_a_persons_matter(
    session: Session, tenant: Any, mailbox: Mailbox, queued: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise SystemExit

    # The worker dies between the server's yes and its own note of it.
    with monkeypatch.context() as dying:
        dying.setattr(smtp, "_settle", dies)
        with pytest.raises(SystemExit):
            run(session, tenant, queued)
    assert list(mailbox.accepted.values()) == [1]
    again(session, queued)
    run(session, tenant, queued)
    assert (queued.state, queued.result) == (JobState.FAILED, {"error": "DeliveryUnknown"})
    assert delivery(tenant, queued) == DeliveryState.UNKNOWN
    assert list(mailbox.accepted.values()) == [1]

    retry(tenant, [queued.id], Actor("周正"))
    run(session, tenant, queued)
    assert queued.state == JobState.DONE
    # By a person's decision, and under the same id: a mailbox that knows it shows one.
    assert list(mailbox.accepted.values()) == [2]


def test_a_connection_that_breaks_at_the_text_is_not_tried_again(
    session: Session, tenant: Any, mailbox: Mailbox, queued: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(self: smtplib.SMTP, _text: bytes) -> None:
        raise smtplib.SMTPServerDisconnected("gone")

    monkeypatch.setattr(smtplib.SMTP, "data", breaks)
    run(session, tenant, queued)
    assert (queued.state, delivery(tenant, queued)) == (JobState.FAILED, DeliveryState.UNKNOWN)
    assert mailbox.accepted == {}


def test_a_no_that_passes_is_tried_again(session: Session, tenant: Any, mailbox: Mailbox, queued: Job) -> None:
    mailbox.answers = ["451 try later"]
    run(session, tenant, queued)
    assert (queued.state, delivery(tenant, queued)) == (JobState.QUEUED, None)
    run(session, tenant, queued)
    assert (queued.state, delivery(tenant, queued)) == (JobState.DONE, DeliveryState.ACCEPTED)
    assert list(mailbox.accepted.values()) == [1]


@pytest.mark.parametrize("at", ["recipient", "text"])
def test_a_no_that_stands_ends_it(session: Session, tenant: Any, mailbox: Mailbox, queued: Job, at: str) -> None:
    if at == "recipient":
        mailbox.refuse_recipient = "550 no such mailbox"
    else:
        mailbox.answers = ["554 not wanted"]
    run(session, tenant, queued)
    assert (queued.state, queued.result) == (JobState.FAILED, {"error": "MailRefused"})
    assert ("no such mailbox" if at == "recipient" else "not wanted") in queued.note
    assert (mailbox.accepted, delivery(tenant, queued)) == ({}, None)


def test_without_a_server_a_message_is_kept_once(session: Session, tenant: Any, queued: Job) -> None:
    run(session, tenant, queued)
    again(session, queued)
    run(session, tenant, queued)
    with RegistrySession() as registry:
        kept = select(func.count()).select_from(OutboxMessage).where(OutboxMessage.key == f"{tenant.id}.{queued.id}")
        assert registry.scalar(kept) == 1
