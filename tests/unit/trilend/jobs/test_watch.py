"""The registry says when to look into which tenant: nothing that was committed is missed, and idle tenants cost little."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, text, update
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.jobs import running, watch
from trilend.jobs.handlers import Policy, handles
from trilend.jobs.models import Job, JobState, Queue, Schedule, TenantWork
from trilend.jobs.runs import JobRun
from trilend.jobs.schedules import schedules_of
from trilend.jobs.service import enqueue, run_job
from trilend.tenancy.context import RegistrySession, bound, tenant_session
from trilend.tenancy.models import Door, Tenant


@handles("test.fall", policy=Policy(attempts=2, base_seconds=600, cap_seconds=600))
def _fall(run: JobRun) -> None:
    raise ConnectionError("no way through")


def hint(tenant: Any) -> TenantWork:
    """What the registry knows of a tenant's work."""
    with RegistrySession() as registry:
        found = registry.get_one(TenantWork, tenant.id)
        registry.expunge(found)
        return found


def of(tenant: Any, offers: list[Any]) -> list[Queue]:
    """For which queues of a tenant the workers were told; other tests have tenants of their own."""
    return [queue for tenant_id, queue in offers if tenant_id == tenant.id]


def let_pass(tenant: Any) -> None:
    """The tenant's time to be looked into has come."""
    with RegistrySession() as registry:
        registry.execute(update(TenantWork).where(TenantWork.tenant_id == tenant.id).values(look_at=now()))
        registry.commit()


def look(tenant: Any) -> None:
    """One look around, in which it is this tenant's turn."""
    let_pass(tenant)
    watch.look_around(at_once=10_000)


def test_the_registry_knows_before_the_commit(session: Session, tenant: Any, offers: list[Any]) -> None:
    known: list[datetime] = []

    def look_up(_: Session) -> None:
        known.append(hint(tenant).look_at)

    enqueue(session, "test.note", {})
    event.listen(session, "after_commit", look_up, once=True)
    begun = now()
    session.commit()
    assert len(known) == 1
    assert known[0] <= begun + timedelta(seconds=2)


def test_a_crash_between_commit_and_send_loses_nothing(session: Session, tenant: Any, offers: list[Any]) -> None:
    job = enqueue(session, "test.note", {})
    session.commit()
    offers.clear()  # the process dies before it says anything
    look(tenant)
    assert of(tenant, offers) == [Queue.INTERACTIVE]
    assert run_job(tenant.id, job.id) is True


def test_a_commit_that_comes_late_is_waited_for(session: Session, tenant: Any, offers: list[Any]) -> None:
    # Whatever the time of the day: nothing is due by the clock meanwhile.
    schedules_of(session, tenant, now())
    session.execute(update(Schedule).values(next_at=now() + timedelta(hours=5)))
    session.commit()
    enqueue(session, "test.note", {})
    watch.announce([tenant.id])
    with_registry_time = hint(tenant).touched_at
    look(tenant)
    assert of(tenant, offers) == []
    assert with_registry_time is not None
    # As long as a transaction may last the registry does not forget that one was about to be committed.
    assert timedelta(minutes=15) < hint(tenant).look_at - with_registry_time < timedelta(minutes=17)


def test_a_tenant_at_rest_is_looked_into_once_an_hour(session: Session, tenant: Any, offers: list[Any]) -> None:
    watch.look_around(at_once=10_000)
    resting = hint(tenant)
    assert resting.looked_at is not None
    end_of_day = session.scalar(text("SELECT min(next_at) FROM schedule"))
    assert end_of_day is not None
    assert timedelta(0) < resting.look_at - resting.looked_at <= timedelta(hours=1)
    watch.look_around(at_once=10_000)
    assert hint(tenant).looked_at == resting.looked_at


def test_two_that_look_around_take_different_tenants(session: Session, tenant: Any, offers: list[Any]) -> None:
    enqueue(session, "test.note", {})
    session.commit()
    offers.clear()
    let_pass(tenant)
    with RegistrySession() as one, RegistrySession() as other:
        first, _, _ = watch._taken(one, 10_000)
        second, _, _ = watch._taken(other, 10_000)
        assert tenant.id in {each.id for each in first}
        assert tenant.id not in {each.id for each in second}


def test_what_a_dead_worker_held_comes_back(session: Session, tenant: Any, offers: list[Any], noted: list[Any]) -> None:
    job = enqueue(session, "test.note", {"n": 1})
    session.commit()
    session.execute(
        update(Job).values(state=JobState.RUNNING, lease_token="dead", lease_until=func.now() - timedelta(seconds=1))
    )
    session.commit()
    offers.clear()
    look(tenant)
    assert of(tenant, offers) == [Queue.INTERACTIVE]
    assert running.work(tenant.id, Queue.INTERACTIVE) == 1
    session.refresh(job)
    assert (job.state, noted) == (JobState.DONE, [1])


def test_work_to_be_tried_again_is_looked_for_when_it_is_due(session: Session, tenant: Any, offers: list[Any]) -> None:
    job = enqueue(session, "test.fall", {})
    session.commit()
    look(tenant)
    running.work(tenant.id, Queue.INTERACTIVE)
    session.refresh(job)
    assert (job.state, job.attempts) == (JobState.QUEUED, 1)
    look(tenant)
    assert hint(tenant).look_at <= max(job.not_before, now() + timedelta(seconds=16))
    assert hint(tenant).queued == 1


def test_failed_work_is_counted_in_the_registry(session: Session, tenant: Any, offers: list[Any]) -> None:
    enqueue(session, "test.fall", {})
    session.commit()
    for _ in range(2):
        session.execute(update(Job).values(not_before=func.now()))
        session.commit()
        running.work(tenant.id, Queue.INTERACTIVE)
    assert hint(tenant).look_at <= now()
    look(tenant)
    assert (hint(tenant).failed, hint(tenant).queued) == (1, 0)


def test_one_tenant_that_does_not_answer_stops_no_other(
    tenant: Any, new_tenant: Callable[..., Any], offers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_tenant(name="另一家小额贷款有限公司")
    with bound(other):
        enqueue(tenant_session(), "test.note", {})
        tenant_session.commit()
    offers.clear()
    with RegistrySession() as registry:
        registry.execute(update(Tenant).where(Tenant.id == tenant.id).values(shard="gone"))
        registry.commit()
    let_pass(tenant)
    try:
        look(other)
    finally:
        with RegistrySession() as registry:
            registry.execute(update(Tenant).where(Tenant.id == tenant.id).values(shard="primary"))
            registry.commit()
    assert of(other, offers) == [Queue.INTERACTIVE]
    assert hint(tenant).look_at > now() + timedelta(seconds=30)


@pytest.mark.parametrize("door", [Door.READ_ONLY, Door.SHUT])
def test_no_work_is_done_behind_a_door_that_is_not_open(
    session: Session, tenant: Any, offers: list[Any], noted: list[Any], door: Door
) -> None:
    job = enqueue(session, "test.note", {"n": 1})
    session.commit()
    with RegistrySession() as registry:
        registry.execute(update(Tenant).where(Tenant.id == tenant.id).values(door=door))
        registry.commit()
    assert running.work(tenant.id, Queue.INTERACTIVE) == 0
    session.refresh(job)
    assert (job.state, job.attempts, noted) == (JobState.QUEUED, 0, [])
    with RegistrySession() as registry:
        registry.execute(update(Tenant).where(Tenant.id == tenant.id).values(door=Door.OPEN))
        registry.commit()
    assert running.work(tenant.id, Queue.INTERACTIVE) == 1
    assert noted == [1]
