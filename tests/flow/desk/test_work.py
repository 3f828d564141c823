"""The work list: what waits for whom, what has waited too long first, in one statement."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event, update
from sqlalchemy.orm import Session
from tests.flow.desk.conftest import Desk
from werkzeug.test import Client

from trilend.db.base import now
from trilend.home.worklist import waiting_for
from trilend.identity.holders import permissions_held
from trilend.kinds import kinds
from trilend_microfinance.applications.models import Application


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_others: object) -> None:
        sent.append(statement)

    engine = session.get_bind().engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def lines(session: Session, desk: Desk, role: str) -> list[tuple[str, int, int]]:
    """What waits for somebody."""
    from trilend.app import create_tenant_app

    user_id = desk.people[role].user_id
    held = permissions_held(session, user_id)
    with create_tenant_app().test_request_context(base_url="http://a.localhost"), statements(session) as sent:
        found = waiting_for(session, user_id, kinds()["microfinance"], held)
    assert len(sent) <= 1
    return [(line.name, line.count, line.overdue) for line in found]


def test_what_waits_for_whom(at_desk: Session, desk: Desk, application: object) -> None:
    assert lines(at_desk, desk, "Approver") == [("decide", 4, 0)]
    assert lines(at_desk, desk, "Officer") == []
    assert lines(at_desk, desk, "Auditor") == []
    old = update(Application).where(Application.id.in_(desk.applications[:2]))
    at_desk.execute(old.values(created_at=now() - timedelta(days=4)))
    assert lines(at_desk, desk, "Approver") == [("decide", 4, 2)]
    own = update(Application).where(Application.id == desk.applications[0])
    at_desk.execute(own.values(created_by=desk.people["Approver"].user_id))
    assert lines(at_desk, desk, "Approver") == [("decide", 3, 1)]
    at_desk.execute(own.values(state="approved"))
    assert lines(at_desk, desk, "Officer") == [("contract", 1, 0)]
    at_desk.rollback()


def test_the_start_page_says_it(browsers: dict[str, Client], desk: Desk) -> None:
    page = browsers["Approver"].get("/?lang=en").text
    assert "4 applications to decide" in page
    assert "nothing waits for you" in browsers["Officer"].get("/?lang=en").text
