"""Failed work is seen, tried again or given up: by the company, by operators, and from the command line."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.audit.models import AuditEntry
from trilend.audit.service import Actor
from trilend.console.service import add_operator
from trilend.db.base import now
from trilend.jobs import watch
from trilend.jobs.dead_letters import discard, failed_jobs, retry
from trilend.jobs.errors import JobNotFound, ReasonMissing
from trilend.jobs.models import Job, JobState, Schedule, TenantWork
from trilend.jobs.service import enqueue
from trilend.parameters.closing import END_OF_DAY
from trilend.tenancy.context import RegistrySession, bound, tenant_session

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@pytest.fixture
def failed(session: Session) -> list[int]:
    """Three jobs that failed for good."""
    jobs = [enqueue(session, "messages.send", {"n": n}) for n in range(3)]
    session.commit()
    return fail(session, [job.id for job in jobs])


def fail(session: Session, ids: list[int]) -> list[int]:
    """As if these jobs had used up their attempts."""
    session.execute(
        update(Job)
        .where(Job.id.in_(ids))
        .values(state=JobState.FAILED, attempts=8, finished_at=now(), note="没有应答", result={"error": "OSError"})
    )
    session.commit()
    return ids


def states(session: Session, ids: list[int]) -> list[tuple[str, int]]:
    """State and attempts of jobs."""
    session.rollback()
    rows = session.execute(select(Job.state, Job.attempts).where(Job.id.in_(ids)).order_by(Job.id))
    return [(row.state, row.attempts) for row in rows]


def acts(session: Session) -> list[tuple[str, str, int, str]]:
    """What the company's log says of jobs."""
    rows = session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "job").order_by(AuditEntry.id))
    return [(row.act, row.actor, row.subject_id, row.reason) for row in rows]


def signed_in(client: Client, address: str, username: str) -> Client:
    """A browser in which somebody has signed in."""
    token = _TOKEN.search(client.get(address).text)
    assert token is not None
    entered = {"username": username, "password": PASSWORD, "csrf_token": token[1]}
    assert client.post(address, data=entered).status_code == 302
    return client


def post(client: Client, address: str, page: str = "/work/", **entered: Any) -> Any:
    """Send the form of a page."""
    token = _TOKEN.search(client.get(page).text)
    assert token is not None
    return client.post(address, data=entered | {"csrf_token": token[1]})


def test_a_retry_gives_all_attempts_again_and_is_written_down(session: Session, tenant: Any, failed: list[int]) -> None:
    assert retry(tenant, failed[:2], Actor("周正", 7)) == 2
    assert states(session, failed) == [("queued", 0), ("queued", 0), ("failed", 8)]
    assert acts(session) == [("job.retried", "周正", each, "") for each in failed[:2]]


def test_giving_up_needs_a_reason(session: Session, tenant: Any, failed: list[int]) -> None:
    with pytest.raises(ReasonMissing):
        discard(tenant, failed, Actor("周正", 7), "  ")
    assert states(session, failed) == [("failed", 8)] * 3
    assert discard(tenant, failed[:1], Actor("周正", 7), "重复") == 1
    assert states(session, failed) == [("discarded", 8), ("failed", 8), ("failed", 8)]
    assert acts(session) == [("job.discarded", "周正", failed[0], "重复")]


def test_what_does_not_wait_for_a_decision_is_left_alone(session: Session, tenant: Any, failed: list[int]) -> None:
    retry(tenant, failed[:1], Actor("周正", 7))
    with pytest.raises(JobNotFound):
        retry(tenant, failed, Actor("周正", 7))
    with pytest.raises(JobNotFound):
        discard(tenant, failed, Actor("周正", 7), "重复")
    assert states(session, failed) == [("queued", 0), ("failed", 8), ("failed", 8)]
    assert len(acts(session)) == 1


def test_a_company_settles_its_own_and_no_others(
    session: Session, tenant: Any, failed: list[int], new_tenant: Callable[..., Any]
) -> None:
    other = new_tenant(name="另一家小额贷款有限公司")
    with pytest.raises(JobNotFound):
        retry(other, failed, Actor("别人", 1))
    assert retry(other, None, Actor("别人", 1)) == 0
    assert list(failed_jobs(other)) == []
    assert states(session, failed) == [("failed", 8)] * 3


def test_the_companys_page(session: Session, tenant: Any, failed: list[int], browse: Callable[[str], Client]) -> None:
    client = signed_in(browse(f"{tenant.slug}.localhost"), "/login/", "admin")
    page = client.get("/work/?lang=zh_Hans").text
    assert page.count("没有应答") == 3
    assert "日终处理" in page

    assert post(client, "/work/failed", job=[failed[0]], act="retry").status_code == 303
    assert states(session, failed) == [("queued", 0), ("failed", 8), ("failed", 8)]
    assert post(client, "/work/failed", act="retry").status_code == 303
    assert states(session, failed)[1:] == [("failed", 8), ("failed", 8)]
    post(client, "/work/failed", job=[failed[1]], act="discard", reason="")
    assert states(session, failed)[1] == ("failed", 8)
    post(client, "/work/failed", job=[failed[1]], act="discard", reason="重复")
    assert states(session, failed)[1] == ("discarded", 8)
    post(client, "/work/failed", all="1")
    assert states(session, failed)[2] == ("queued", 0)


def test_the_company_sets_the_time_of_its_end_of_day(
    session: Session, tenant: Any, browse: Callable[[str], Client]
) -> None:
    client = signed_in(browse(f"{tenant.slug}.localhost"), "/login/", "admin")
    client.get("/work/")
    row = session.scalars(select(Schedule).where(Schedule.name == END_OF_DAY)).one()
    post(client, f"/work/schedules/{row.id}", time="02:30", enabled="1")
    session.refresh(row)
    assert (row.cron, row.enabled) == ("30 2 * * *", True)
    post(client, f"/work/schedules/{row.id}", time="later", enabled="1")
    session.refresh(row)
    assert (row.cron, row.enabled) == ("30 2 * * *", True)


def test_nobody_settles_without_the_right(
    session: Session, tenant: Any, failed: list[int], browse: Callable[[str], Client]
) -> None:
    from trilend.identity.service import add_person

    add_person(session, username="officer", name="陈信", email="o@example.com", password=PASSWORD, roles=["Officer"])
    session.commit()
    client = signed_in(browse(f"{tenant.slug}.localhost"), "/login/", "officer")
    token = _TOKEN.search(client.get("/parties/new/person").text) or _TOKEN.search(client.get("/parties/").text)
    sent = {"job": failed, "act": "retry"} | ({"csrf_token": token[1]} if token else {})
    assert client.get("/work/").status_code in (302, 403)
    assert client.post("/work/failed", data=sent).status_code in (302, 400, 403)
    assert states(session, failed) == [("failed", 8)] * 3


def test_the_console_lists_all_companies(
    session: Session, tenant: Any, failed: list[int], new_tenant: Callable[..., Any], browse: Callable[[str], Client]
) -> None:
    other = new_tenant(name="另一家小额贷款有限公司")
    with bound(other):
        theirs = [enqueue(tenant_session(), "messages.send", {}).id]
        tenant_session.commit()
        fail(tenant_session(), theirs)
    with RegistrySession() as registry:
        add_operator(registry, username="jobs", name="运营甲", password=PASSWORD)
        registry.execute(update(TenantWork).values(look_at=now()))
        registry.commit()
    watch.look_around(at_once=10_000)
    client = signed_in(browse("console.localhost"), "/login", "jobs")

    everything = client.get("/work/?lang=zh_Hans").text
    assert f"{tenant.slug}:{failed[0]}" in everything
    assert f"{other.slug}:{theirs[0]}" in everything
    one = client.get(f"/work/?company={other.slug}").text
    assert f"{other.slug}:{theirs[0]}" in one
    assert tenant.slug not in one
    assert "messages.send" in client.get("/work/?job=parameters.close_days").text
    assert f"{other.slug}:" not in client.get("/work/?job=parameters.close_days").text

    post(client, "/work/settle", job=[f"{other.slug}:{theirs[0]}", f"{tenant.slug}:{failed[0]}"], act="retry")
    assert states(session, failed) == [("queued", 0), ("failed", 8), ("failed", 8)]
    with bound(other):
        assert states(tenant_session(), theirs) == [("queued", 0)]
    post(client, "/work/settle", job=[f"{tenant.slug}:{failed[1]}"], act="discard", reason="重复")
    assert states(session, failed)[1] == ("discarded", 8)
    assert acts(session) == [
        ("job.retried", "平台运营 运营甲", failed[0], ""),
        ("job.discarded", "平台运营 运营甲", failed[1], "重复"),
    ]
    post(client, "/work/settle", all="1", company=tenant.slug)
    assert states(session, failed)[2] == ("queued", 0)


def test_the_command_line(session: Session, tenant: Any, failed: list[int]) -> None:
    def trilend(*arguments: str, code: int = 0) -> Any:
        command = [sys.executable, "-m", "trilend.cli", "jobs", *arguments]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout) if "--json" in arguments and code == 0 else ended.stderr

    listed = trilend("list", "--tenant", tenant.slug, "--json")
    assert {(row["tenant"], row["id"], row["attempts"], row["error"]) for row in listed} == {
        (tenant.slug, each, 8, "OSError") for each in failed
    }
    assert "Name the work" in trilend("retry", "--tenant", tenant.slug, code=2)
    assert trilend("retry", f"{tenant.slug}:{failed[0]}", "--json") == {"retried": 1}
    trilend("retry", f"{tenant.slug}:{failed[0]}", code=1)
    assert trilend("discard", "--tenant", tenant.slug, "--all", "--reason", "重复", "--json") == {"discarded": 2}
    assert states(session, failed) == [("queued", 0), ("discarded", 8), ("discarded", 8)]
