"""The pages on which an administrator says who is told what."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update
from tests.conftest import PASSWORD
from tests.flow.webhooks.conftest import Told
from tests.flow.webhooks.receiver import Receiver
from werkzeug.test import Client

from trilend.identity.service import add_person
from trilend.tenancy.context import bound, tenant_session
from trilend.webhooks.events import emit
from trilend.webhooks.models import DeliveryState, WebhookDelivery


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def signed_in(browse: Callable[[str], Client], company: Any, username: str = "admin") -> Client:
    browser = browse(f"{company.slug}.localhost")
    entered = {"username": username, "password": PASSWORD, "csrf_token": token_of(browser.get("/login/").text)}
    assert browser.post("/login/", data=entered).status_code == 302
    return browser


@pytest.fixture
def browser(browse: Callable[[str], Client], company: Any) -> Client:
    made = signed_in(browse, company)
    made.get("/language/en")
    return made


def test_an_administrator_adds_tests_and_reads_the_log(
    browser: Client, told: Told, receiver: Receiver, run_jobs: Callable[[], int]
) -> None:
    page = browser.get("/webhooks/new").text
    form = {"csrf_token": token_of(page), "url": receiver.url, "description": "ERP", "kinds": ["day.closed"]}
    made = browser.post("/webhooks/new", data=form)
    assert made.status_code == 200
    secret = re.search(r"whsec_[A-Za-z0-9+/=]+", made.text)
    assert secret
    listed = browser.get("/webhooks/").text
    assert receiver.url in listed
    detail = re.findall(r'href="(/webhooks/\d+)"', listed)[-1]
    assert secret[0] not in browser.get(detail).text
    token = {"csrf_token": token_of(browser.get(detail).text)}
    assert browser.post(f"{detail}/test", data=token).status_code == 303
    run_jobs()
    assert [request.headers["trilend-event"] for request in receiver.requests] == ["webhook.test"]
    line = re.search(r'href="(/webhooks/deliveries/\d+)"', browser.get(detail).text)
    assert line
    shown = browser.get(line[1]).text
    assert "webhook.test" in shown
    assert "webhook-signature" not in shown
    assert browser.post(f"{line[1]}/replay", data=token).status_code == 303
    run_jobs()
    assert len(receiver.requests) == 2
    exchanged = browser.post(f"{detail}/secret", data=token).text
    assert "whsec_" in exchanged
    assert secret[0] not in exchanged
    assert browser.post(f"{detail}/switch", data=token).status_code == 303
    changed = {**token, "url": receiver.url + "/2", "description": "ERP", "kinds": ["day.closed"]}
    assert browser.post(f"{detail}/change", data=changed).status_code == 303
    assert receiver.url + "/2" in browser.get(detail).text


@pytest.mark.parametrize(("url", "kinds"), [("https://10.0.0.1/x", ["day.closed"]), ("", ["day.closed"]), ("ok", [])])
def test_a_form_that_does_not_fit_keeps_what_was_entered(
    browser: Client, told: Told, receiver: Receiver, url: str, kinds: list[str]
) -> None:
    before = browser.get("/webhooks/").text.count("/webhooks/")
    entered = receiver.url if url == "ok" else url
    form = {"csrf_token": token_of(browser.get("/webhooks/new").text), "url": entered, "kinds": kinds}
    answer = browser.post("/webhooks/new", data=form | {"description": "会计系统"})
    assert answer.status_code == 422
    assert "会计系统" in answer.text
    assert browser.get("/webhooks/").text.count("/webhooks/") == before


def test_whoever_may_not_is_kept_out(browse: Callable[[str], Client], told: Told, receiver: Receiver) -> None:
    with bound(told.company):
        add_person(
            tenant_session(),
            username="teller",
            name="钱",
            email="teller@example.com",
            password=PASSWORD,
            roles=["Cashier"],
        )
        tenant_session.commit()
    teller = signed_in(browse, told.company, "teller")
    token = {"csrf_token": token_of(teller.get("/customers/").text)} if "csrf" in teller.get("/customers/").text else {}
    for path in ("/webhooks/", "/webhooks/new", f"/webhooks/{told.id}"):
        assert teller.get(path).status_code in (302, 403)
    for act in ("switch", "secret", "test", "replay"):
        assert teller.post(f"/webhooks/{told.id}/{act}", data=token).status_code in (302, 400, 403)
    assert told.endpoint().state == "active"
    assert receiver.requests == []


def test_all_that_was_given_up_is_sent_again_from_the_page(
    browser: Client, told: Told, receiver: Receiver, run_jobs: Callable[[], int]
) -> None:
    facts = {"day": "2026-01-31", "loans": 1, "journals": 1, "failed": 0}
    with bound(told.company):
        emit(tenant_session(), "day.closed", subject_type="business_day", subject_id=1, data=facts)
        tenant_session.execute(update(WebhookDelivery).values(state=DeliveryState.DEAD))
        tenant_session.commit()
    run_jobs()
    assert receiver.requests == []
    page = browser.get(f"/webhooks/{told.id}?state=dead").text
    assert "day.closed" in page
    assert browser.post(f"/webhooks/{told.id}/replay", data={"csrf_token": token_of(page)}).status_code == 303
    run_jobs()
    assert len(receiver.requests) == 1
