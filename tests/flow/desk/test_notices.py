"""People are told what concerns them, in the transaction of the act, as each wants it."""

import re
from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session
from tests.flow.desk.conftest import TODAY, Desk
from werkzeug.test import Client

from trilend.db.base import now
from trilend.errors import Refused
from trilend.home.reminders import remind_of_plan, remind_of_steps
from trilend.identity.holders import people_with
from trilend.jobs.handlers import handles
from trilend.jobs.models import Job
from trilend.jobs.service import enqueue, run_job
from trilend.notices.models import Notice, NoticeChoice
from trilend.notices.service import MAIL, choose_ways, tell
from trilend.notices.sorts import JOB_DONE, sort_named, sorts_for
from trilend_microfinance.applications.service import ApplicationData, refuse, submit
from trilend_microfinance.products.service import products


@pytest.fixture(autouse=True)
def nothing_told(at_desk: Session) -> None:
    """No notices from other tests."""
    for model in (Notice, NoticeChoice):
        at_desk.execute(delete(model))
    at_desk.commit()


def told(session: Session, desk: Desk, role: str) -> list[tuple[str, dict[str, object]]]:
    """What somebody was told."""
    rows = session.scalars(select(Notice).where(Notice.user_id == desk.people[role].user_id).order_by(Notice.id))
    return [(row.sort, row.data) for row in rows]


def new_application(session: Session, desk: Desk) -> int:
    """One entered by the officer."""
    data = ApplicationData(
        desk.customers["王芳"], products(session)[0], Decimal(5000), 12, Decimal("0.12"), "进货", TODAY
    )
    return submit(session, desk.people["Officer"], data).id


def test_who_may_decide_is_told_and_then_who_entered_it(at_desk: Session, desk: Desk) -> None:
    number = new_application(at_desk, desk)
    assert [sort for sort, _ in told(at_desk, desk, "Approver")] == ["application_waiting"]
    assert told(at_desk, desk, "Officer") == told(at_desk, desk, "Cashier") == []
    refuse(at_desk, desk.people["Approver"], number, "不够")
    ((sort, data),) = told(at_desk, desk, "Officer")
    assert (sort, data["approved"]) == ("application_decided", False)
    assert sort_named(sort).words(data)
    at_desk.rollback()
    assert told(at_desk, desk, "Officer") == told(at_desk, desk, "Approver") == []


def test_a_key_is_told_once_and_ways_are_ones_own(at_desk: Session, desk: Desk) -> None:
    people = [desk.people[role].user_id for role in ("Officer", "Approver", "Cashier")]
    choose_ways(at_desk, people[0], [JOB_DONE], [], ["job_done"])
    for _ in range(2):
        tell(at_desk, JOB_DONE, people, data={"job": "x"}, key="once")
    at_desk.commit()
    rows = at_desk.execute(select(Notice.user_id, Notice.read_at.is_(None)).order_by(Notice.user_id)).all()
    assert [tuple(row) for row in rows] == [(people[0], False), (people[1], True), (people[2], True)]
    jobs = at_desk.scalars(select(Job.payload).where(Job.name == MAIL).order_by(Job.id.desc()).limit(1)).all()
    assert [payload["people"] for payload in jobs] == [[people[0]]]


def test_mail_leaves_by_a_job_in_words_that_name_no_customer(at_desk: Session, desk: Desk) -> None:
    officer = desk.people["Officer"].user_id
    choose_ways(at_desk, officer, [JOB_DONE], ["job_done"], ["job_done"])
    tell(at_desk, JOB_DONE, [officer], data={"job": "microfinance.import"}, url="/work/")
    at_desk.commit()
    job = at_desk.scalars(select(Job).where(Job.name == MAIL).order_by(Job.id.desc()).limit(1)).one()
    assert run_job(desk.tenant.id, job.id)
    at_desk.rollback()
    mail = at_desk.scalars(
        select(Job.payload).where(Job.name == "messages.send").order_by(Job.id.desc()).limit(1)
    ).one()
    assert mail["recipient"] == "officer@example.com"
    assert f"{desk.tenant.url}/work/" in mail["body"]


@handles("test.fails")
def _fails(run: object) -> None:
    raise Refused("没有余额")


def test_who_asked_for_work_that_failed_is_told_why(at_desk: Session, desk: Desk) -> None:
    job = enqueue(at_desk, "test.fails", {}, created_by=desk.people["Cashier"].user_id)
    at_desk.commit()
    run_job(desk.tenant.id, job.id)
    at_desk.rollback()
    ((sort, data),) = told(at_desk, desk, "Cashier")
    assert (sort, data) == ("job_failed", {"job": "test.fails", "why": "没有余额"})
    assert told(at_desk, desk, "Officer") == []


def test_the_bell_counts_and_the_page_is_ones_own(browsers: dict[str, Client], at_desk: Session, desk: Desk) -> None:
    tell(at_desk, JOB_DONE, [desk.people["Officer"].user_id], data={"job": "a"}, url="/customers/")
    tell(at_desk, JOB_DONE, [desk.people["Officer"].user_id], data={"job": "b"})
    at_desk.commit()
    officer, approver = browsers["Officer"], browsers["Approver"]
    assert 'bell-count" aria-hidden="true">2<' in officer.get("/customers/?all=1").text
    assert "bell-count" not in approver.get("/customers/").text
    page = officer.get("/notices/").text
    assert page.count("notice-new") == 2
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    number = at_desk.scalar(select(func.min(Notice.id)))
    stranger = re.search(r'name="csrf_token" value="([^"]+)"', approver.get("/notices/ways").text)[1]
    assert approver.post(f"/notices/{number}", data={"csrf_token": stranger}).status_code == 404
    at_desk.rollback()
    assert at_desk.scalar(select(func.count()).where(Notice.read_at.is_(None))) == 2
    followed = officer.post(f"/notices/{number}", data={"csrf_token": token})
    assert followed.headers["Location"].endswith("/customers/")
    officer.post("/notices/read", data={"csrf_token": token, "until": number})
    at_desk.rollback()
    assert at_desk.scalar(select(func.count()).where(Notice.read_at.is_(None))) == 1
    officer.post("/notices/read", data={"csrf_token": token, "until": number + 10})
    assert "bell-count" not in officer.get("/notices/").text


def test_one_chooses_among_what_concerns_one(browsers: dict[str, Client], at_desk: Session, desk: Desk) -> None:
    page = browsers["Cashier"].get("/notices/ways").text
    assert 'value="job_failed"' in page
    assert 'value="application_waiting"' not in page
    assert 'value="connection_failed"' not in page
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)[1]
    entered = {"csrf_token": token, "in_app": ["job_done"], "mail": ["connection_failed"]}
    assert browsers["Cashier"].post("/notices/ways", data=entered).status_code == 303
    at_desk.rollback()
    rows = at_desk.scalars(select(NoticeChoice).where(NoticeChoice.user_id == desk.people["Cashier"].user_id))
    assert {row.sort: (row.in_app, row.mail) for row in rows} == {
        "job_done": (True, False),
        "job_failed": (False, False),
        "export_ready": (False, False),
    }


def test_reminders_of_steps_and_plan_come_once(at_desk: Session, desk: Desk) -> None:
    admins = people_with(at_desk, ("can_edit", "Connections"))
    for _ in range(2):
        remind_of_steps(at_desk, now())
        remind_of_plan(at_desk)
    rows = at_desk.scalars(select(Notice).where(Notice.user_id.in_(admins)).order_by(Notice.id)).all()
    assert [row.sort for row in rows][:1] == ["first_steps"] * len(admins)
    assert rows[0].data == {"left": 3}
    assert len({(row.user_id, row.key) for row in rows}) == len(rows)
    at_desk.rollback()


def test_every_sort_has_words() -> None:
    assert {sort.name for sort in sorts_for("microfinance", frozenset())} == {"job_done", "job_failed", "export_ready"}


def test_days() -> None:
    assert date(2026, 3, 2) == TODAY
