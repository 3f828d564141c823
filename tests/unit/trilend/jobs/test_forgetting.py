"""What was told in confidence is gone with the work, and the work itself some weeks later; what is needed stays."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session
from tests.numbers import new_uscc
from tests.unit.trilend.jobs.conftest import done

from trilend.audit.service import SYSTEM
from trilend.config import settings
from trilend.db.base import TenantBase
from trilend.errors import Refused
from trilend.jobs import dead_letters, forgetting, running
from trilend.jobs.forgetting import FORGET, forget_jobs, holders_of
from trilend.jobs.handlers import handles
from trilend.jobs.models import Job, JobState, Queue, RegistryJob
from trilend.jobs.runs import JobRun
from trilend.jobs.service import enqueue, enqueue_once, run_job
from trilend.kinds import kinds
from trilend.messages.models import OutboxMessage
from trilend.messages.service import send
from trilend.signup.models import SignUp, SignUpState
from trilend.tenancy.context import RegistrySession, tenant_session
from trilend_microfinance.importing.models import ImportBatch

SECRET = {"code": "271828", "how": "done"}


@handles("test.confide", confidential=True)
def _confide(run: JobRun) -> None:
    done.append(run.payload["code"])
    if run.payload["how"] == "refused":
        raise Refused("never")
    if run.payload["how"] == "complete":
        run.complete(tenant_session())
        tenant_session.commit()


@pytest.mark.parametrize("how", ["done", "complete"])
@pytest.mark.parametrize("followed", [False, True])
def test_what_was_told_in_confidence_goes_when_the_work_is_done(
    session: Session, tenant: Any, noted: list[Any], offers: list[Any], how: str, followed: bool
) -> None:
    job = enqueue(session, "test.confide", SECRET | {"how": how})
    if followed:
        enqueue(session, "test.note", {"n": 2})
    session.commit()

    running.work(tenant.id, Queue.INTERACTIVE)

    session.refresh(job)
    assert (job.state, job.payload) == (JobState.DONE, {})
    assert noted == [SECRET["code"], 2][: 1 + followed]


def test_what_failed_keeps_it_for_another_try_and_what_is_given_up_does_not(
    session: Session, tenant: Any, noted: list[Any], offers: list[Any]
) -> None:
    job = enqueue(session, "test.confide", SECRET | {"how": "refused"})
    other = enqueue(session, "test.refuse_openly", {"n": 1})
    session.commit()
    for each in (job, other):
        run_job(tenant.id, each.id)
    session.expire_all()
    assert (job.state, job.payload["code"]) == (JobState.FAILED, SECRET["code"])

    dead_letters.discard(tenant, None, SYSTEM, "sent by hand")

    session.expire_all()
    assert (job.state, job.payload) == (JobState.DISCARDED, {})
    assert (other.state, other.payload) == (JobState.DISCARDED, {"n": 1})


@handles("test.refuse_openly")
def _refuse_openly(run: JobRun) -> None:
    raise Refused("never")


def test_the_code_of_a_mail_stands_nowhere_once_it_has_left(session: Session, tenant: Any, offers: list[Any]) -> None:
    send(session, channel="mail", recipient="a@example.com", subject="271828 is your code", body="271828")
    session.commit()
    job = session.scalars(select(Job).where(Job.name == "messages.send")).one()
    run_job(tenant.id, job.id)
    session.refresh(job)
    assert (job.state, job.payload, job.result) == (JobState.DONE, {}, {})
    with RegistrySession() as registry:
        # It did leave: into the outbox of this machine, which exists where there is no mail server only.
        assert registry.scalar(select(OutboxMessage.body).order_by(OutboxMessage.id.desc()).limit(1)) == "271828"


def _make(session: Session, state: JobState, days: float, **values: Any) -> int:
    job = Job(name="test.note", payload={"n": 1}, state=state, **values)
    session.add(job)
    session.flush()
    ended = func.now() - timedelta(days=days)
    session.execute(update(Job).where(Job.id == job.id).values(created_at=ended, finished_at=ended))
    return job.id


def test_work_that_is_over_goes_after_its_days_and_nothing_else_does(
    session: Session, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "_PORTION", 2)
    days = settings().job_days
    gone = [_make(session, JobState.DONE, days + 1) for _ in range(4)]
    gone += [_make(session, JobState.DISCARDED, days + 1), _make(session, JobState.DONE, 101, key="long ago")]
    kept = [_make(session, state, 400) for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED)]
    kept += [_make(session, JobState.DONE, days - 1), _make(session, JobState.DONE, 99, key="lately")]
    told = _make(session, JobState.DONE, 1)
    session.execute(update(Job).where(Job.id == told).values(name="test.confide"))
    session.commit()

    assert forget_jobs(tenant) == len(gone)

    session.expire_all()
    assert session.scalars(select(Job.id).order_by(Job.id)).all() == [*kept, told]
    assert session.get_one(Job, told).payload == {}
    assert session.get_one(Job, kept[-1]).payload == {"n": 1}
    # Its key still refuses the same work.
    assert enqueue_once(session, "lately", "test.note", {}) is False
    assert forget_jobs(tenant) == 0


def test_the_job_of_an_import_stays_as_long_as_the_import(session: Session, tenant: Any) -> None:
    job = _make(session, JobState.DONE, 400)
    session.add(ImportBatch(file_name="a.xlsx", job_id=job))
    session.commit()
    assert forget_jobs(tenant) == 0
    assert session.scalars(select(Job.id)).all() == [job]


def test_every_table_that_points_to_a_job_holds_it(installation: Any) -> None:
    pointing = {
        key.parent
        for table in TenantBase.metadata.tables.values()
        for key in table.foreign_keys
        if key.column is Job.__table__.c.id
    }
    held = {column for kind in kinds() for holder in holders_of(kind) for column in holder.ids().selected_columns}
    assert pointing
    assert {str(column) for column in pointing} <= {str(column) for column in held}


def test_the_platforms_own_jobs_go_unless_a_sign_up_waits_for_one(
    session: Session, tenant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Those that other tests have left are as many as a platform has, and take as long.
    monkeypatch.setattr(forgetting, "open_tenants", lambda: [tenant])
    mine = _make(session, JobState.DONE, 400)
    session.commit()
    ended = func.now() - timedelta(days=400)
    with RegistrySession() as registry:
        jobs = {state: RegistryJob(name="test.note", payload={}, state=JobState.DONE) for state in SignUpState}
        registry.add_all(jobs.values())
        registry.flush()
        for state, job in jobs.items():
            registry.add(_sign_up(state, job.id))
        ids = {state: job.id for state, job in jobs.items()}
        registry.execute(update(RegistryJob).where(RegistryJob.id.in_(ids.values())).values(finished_at=ended))
        round_ = enqueue(registry, FORGET, {}).id
        registry.commit()

    assert run_job(None, round_) is True

    with RegistrySession() as registry:
        left = registry.scalars(select(RegistryJob.id).where(RegistryJob.id.in_(ids.values()))).all()
        assert registry.get_one(RegistryJob, round_).state == JobState.DONE
        registry.execute(update(SignUp).where(SignUp.job_id.in_(ids.values())).values(state=SignUpState.READY))
        registry.commit()
    assert left == [ids[SignUpState.PROVISIONING]]
    assert session.get(Job, mine, populate_existing=True) is None
    assert forget_jobs(None) == 1


def _sign_up(state: SignUpState, job_id: int) -> SignUp:
    return SignUp(
        token=f"forget-{job_id}",
        kind="broker",
        company="助贷",
        uscc=new_uscc(),
        slug=f"forget-{job_id}",
        admin_name="王",
        admin_username="wang",
        admin_email="a@example.com",
        password_hash="x",
        state=state,
        job_id=job_id,
    )
