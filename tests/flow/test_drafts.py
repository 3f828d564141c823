"""What was typed into a long form and not sent: kept for its person alone, and gone once the form is taken."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.drafts import service
from trilend.drafts.errors import DraftTooLarge
from trilend.identity.service import add_person
from trilend.tenancy.context import bound, tenant_session

FORM = "/drafts/parties.add"
ENTERED = [["kind", "person"], ["name", "李建国"], ["identifier", "110101199003074979"]]


@pytest.fixture(scope="module")
def company(new_tenant: Callable[..., Any]) -> Any:
    """A company with an administrator and an officer."""
    made = new_tenant()
    with bound(made):
        session = tenant_session()
        add_person(
            session, username="officer", name="陈信", email="o@example.com", password=PASSWORD, roles=["Officer"]
        )
        session.commit()
    return made


class Desk:
    """Somebody at work, who knows the token of the page."""

    def __init__(self, client: Client, username: str) -> None:
        self.client = client
        page = client.get("/login/").get_data(as_text=True)
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
        assert token
        values = {"csrf_token": token[1], "username": username, "password": PASSWORD}
        assert client.post("/login/", data=values).status_code == 302
        self.page = client.get("/customers/new").get_data(as_text=True)
        found = re.search(r'<meta name="csrf-token" content="([^"]+)"', self.page)
        assert found
        self.token = found[1]

    def keep(self, entries: Any, address: str = FORM) -> int:
        headers = {"X-CSRFToken": self.token}
        return self.client.put(
            address, data=json.dumps(entries), content_type="application/json", headers=headers
        ).status_code

    def kept(self) -> Any:
        answer = self.client.get(FORM)
        return None if answer.status_code == 204 else answer.get_json()["entries"]

    def send(self, **entries: str) -> Any:
        values = {"csrf_token": self.token, "_draft": "parties.add", "kind": "person", **entries}
        return self.client.post("/customers/new", data=values)


@pytest.fixture
def desk(company: Any, browse: Callable[[str], Client]) -> Iterator[Desk]:
    at_work = Desk(browse(f"{company.slug}.localhost"), "admin")
    yield at_work
    assert at_work.client.delete(FORM, headers={"X-CSRFToken": at_work.token}).status_code == 204


def test_what_was_typed_is_there_again(desk: Desk) -> None:
    assert f'data-draft="{FORM}"' in desk.page
    assert desk.kept() is None
    assert desk.keep(ENTERED) == 204
    assert desk.keep([*ENTERED, ["mobile", "138"]]) == 204
    assert desk.kept() == [*ENTERED, ["mobile", "138"]]
    answer = desk.client.get(FORM)
    assert answer.headers["Cache-Control"] == "no-store"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", answer.get_json()["saved_at"])


def test_draft_lies_sealed(desk: Desk, company: Any) -> None:
    desk.keep(ENTERED)
    with bound(company):
        raw = tenant_session.execute(text("SELECT entries FROM form_draft WHERE form = 'parties.add'")).scalar_one()
    assert "李建国".encode() not in bytes(raw)
    assert b"110101199003074979" not in bytes(raw)


def test_nobody_else_reads_or_discards_it(
    desk: Desk, company: Any, browse: Callable[[str], Client], tenant: Any
) -> None:
    desk.keep(ENTERED)
    colleague = Desk(browse(f"{company.slug}.localhost"), "officer")
    stranger = Desk(browse(f"{tenant.slug}.localhost"), "admin")
    for other in (colleague, stranger):
        assert other.kept() is None
        assert other.client.delete(FORM, headers={"X-CSRFToken": other.token}).status_code == 204
    nobody = browse(f"{company.slug}.localhost")
    assert nobody.get(FORM).status_code == 401
    assert desk.kept() == ENTERED


def test_draft_without_the_token_of_the_page_is_refused(desk: Desk) -> None:
    assert desk.client.put(FORM, data=json.dumps(ENTERED), content_type="application/json").status_code == 400
    assert desk.kept() is None


@pytest.mark.parametrize("sent", [{"name": "x"}, [["name"]], [["name", 1]], "name", [[]]])
def test_what_is_no_draft_is_refused(desk: Desk, sent: Any) -> None:
    assert desk.keep(sent) == 400
    assert desk.kept() is None


def test_draft_goes_when_the_form_is_taken_and_stays_when_it_is_not(desk: Desk) -> None:
    desk.keep(ENTERED)
    refused = desk.send(
        name="李建国", identifier="110101199003074970", mobile="13800138000", account_number="6217000010000000007"
    )
    assert refused.status_code == 422
    assert desk.kept() == ENTERED
    taken = desk.send(
        name="李建国", identifier="110101199003074979", mobile="13800138000", account_number="62170012345678"
    )
    assert taken.status_code == 302, taken.get_data(as_text=True)
    assert desk.kept() is None


def test_form_that_an_error_sends_back_keeps_what_was_typed(desk: Desk) -> None:
    values = {"csrf_token": desk.token, "_draft": "parties.add", "reason": "x", "password": "never kept"}
    headers = {"Referer": f"http://{desk.client.get('/').request.host}/customers/1"}
    sent = desk.client.post("/customers/999/reveal/mobile", data=values, headers=headers)
    assert sent.status_code == 303
    assert desk.kept() == [["reason", "x"]]


def test_draft_has_bounds(session: Any) -> None:
    person = session.execute(text("SELECT id FROM ab_user")).scalar_one()
    with pytest.raises(DraftTooLarge):
        service.keep(session, person, "long", [("note", "长" * service.MOST_CHARACTERS)])
    service.keep(session, person, "old", [("note", "x")])
    session.execute(
        text("UPDATE form_draft SET saved_at = saved_at - :age"), {"age": service.KEPT_FOR + timedelta(hours=1)}
    )
    assert service.find(session, person, "old") is None
    service.keep(session, person, "new", [("note", "y")])
    assert session.execute(text("SELECT form FROM form_draft")).scalars().all() == ["new"]
