"""The Python samples of docs/api.md and docs/webhooks.md run as they stand, against a server and a receiver."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from logging import getLogger
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from flask_babel import force_locale
from sqlalchemy import update
from tests.conftest import PASSWORD, HostClient
from tests.flow.api.conftest import STAFF
from tests.flow.webhooks.receiver import Receiver
from werkzeug.serving import make_server
from werkzeug.test import Client

from trilend.audit.service import Actor
from trilend.db.base import now
from trilend.identity.models import ProgramKind
from trilend.identity.service import add_api_client
from trilend.jobs.models import Job
from trilend.kinds import kinds
from trilend.tenancy.context import bound, tenant_session
from trilend.webhooks.service import add_endpoint, rotate_secret, send_test
from trilend.wiring import speaking

DOCS = Path(__file__).parents[3] / "docs"
_PYTHON = re.compile(r"```python\n(.*?)```", re.S)
_EVENT = re.compile(r"^\| `([a-z_.]+)` \| (.*?) \| (.*?) \|$", re.M)
BACK = "https://books.example/callback"


@pytest.fixture(scope="module")
def company(new_tenant: Callable[..., Any]) -> Any:
    return new_tenant()


@pytest.fixture
def base(application: Any, company: Any) -> Iterator[str]:
    """The company at a port of its own; every request to it is for this company."""
    host = f"{company.slug}.localhost:8000"

    def at_home(environ: dict[str, Any], start_response: Any) -> Any:
        return application(environ | {"HTTP_HOST": host}, start_response)

    getLogger("werkzeug").setLevel("ERROR")
    server = make_server("127.0.0.1", 0, at_home, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_a_program_acts_for_a_person_as_the_guide_says(company: Any, base: str, application: Any) -> None:
    samples = _PYTHON.findall((DOCS / "api.md").read_text(encoding="utf-8"))
    assert len(samples) == 3
    with bound(company):
        client, secret = add_api_client(
            tenant_session(),
            STAFF,
            name="账簿助手",
            scopes=("parties:read", "ledger:read"),
            kind=ProgramKind.WEB,
            redirect_uris=[BACK],
        )
        given: dict[str, Any] = {
            "base": base,
            "client_id": client.client_id,
            "client_secret": secret,
            "redirect_uri": BACK,
        }
        tenant_session.commit()
    exec(samples[0], given)
    back = allowed(HostClient(application, f"{company.slug}.localhost"), str(given["address"]).removeprefix(base))
    assert back["state"] == given["state"]
    given["code"] = back["code"]
    exec(samples[1], given)
    assert given["customers"] == {"items": [], "next_cursor": None}
    first = given["tokens"]
    exec(samples[2], given)
    second = given["tokens"]
    assert second["refresh_token"] != first["refresh_token"]
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert httpx.get(f"{base}/api/v1/journals", headers=headers).status_code == 200


def allowed(browser: Client, address: str) -> dict[str, str]:
    """What a person who signs in and allows it sends back."""
    login = browser.get(address).headers["Location"]
    entered = {"username": "admin", "password": PASSWORD, "csrf_token": csrf(browser.get(login).text)}
    consent = browser.post(login, data=entered).headers["Location"]
    decided = {"decision": "allow", "csrf_token": csrf(browser.get(consent).text)}
    answer = browser.post(consent, data=decided)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["Location"]).query).items()}


def csrf(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def test_the_sample_verifies_what_is_sent_and_nothing_else(company: Any, run_jobs: Callable[[], int]) -> None:
    (sample,) = _PYTHON.findall((DOCS / "webhooks.md").read_text(encoding="utf-8"))
    names: dict[str, Any] = {}
    exec(sample, names)
    is_genuine = names["is_genuine"]
    receiver = Receiver().start()
    with bound(company):
        session = tenant_session()
        made, secret = add_endpoint(session, Actor("管理员", 1), url=receiver.url, description="", kinds=["day.closed"])
        send_test(session, STAFF, made.id)
        _, fresh = rotate_secret(session, STAFF, made.id)
        session.commit()
    run_jobs()
    receiver.stop()
    (request,) = receiver.requests
    headers, body = dict(request.headers), request.body
    assert is_genuine(secret, headers, body)
    assert is_genuine(fresh, headers, body)
    assert not is_genuine(secret, headers, body.replace(b"webhook.test", b"loan.disbursed"))
    assert not is_genuine("whsec_" + "A" * 44, headers, body)
    assert not is_genuine(secret, headers | {"webhook-timestamp": str(int(headers["webhook-timestamp"]) - 60)}, body)
    assert not is_genuine(secret, headers, body, most_seconds=-1)
    with bound(company):
        tenant_session.execute(update(Job).where(Job.state == "queued").values(not_before=now()))
        tenant_session.commit()


def test_the_guide_lists_the_events_that_there_are_and_shows_one_as_it_is(company: Any) -> None:
    page = (DOCS / "webhooks.md").read_text(encoding="utf-8")
    with speaking("en"), force_locale("en"):
        declared = {
            each.name: (str(each.label).lower(), ", ".join(f"`{name}`" for name in each.data))
            for each in kinds()["microfinance"].events
        }
    assert {kind: (label.lower(), data) for kind, label, data in _EVENT.findall(page)} == declared
    shown = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert shown.keys() == {
        "event_id",
        "sequence",
        "kind",
        "version",
        "occurred_at",
        "business_date",
        "subject",
        "data",
    }


def test_the_reference_shows_every_operation_with_samples_in_the_readers_language(
    company: Any, application: Any
) -> None:
    browser = HostClient(application, f"{company.slug}.localhost")
    document = browser.get("/api/v1/_openapi").json
    pages = {
        language: browser.get("/api/v1/_reference", headers={"Accept-Language": language})
        for language in ("en", "zh-CN", "zh-HK")
    }
    for page in pages.values():
        assert page.status_code == 200
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                assert f'id="{operation["operationId"]}"' in page.text
                assert f"{method.upper()} /api/v1{path}" in page.text
        for name in document["webhooks"]:
            assert f"<code>{name}</code>" in page.text
        assert "<script src=" not in page.text.replace('<script src="/static', "")
        assert "style=" not in page.text
    assert "Submit an application" in pages["en"].text
    assert "提交申请" in pages["zh-CN"].text
    assert "idempotency_in_flight" in pages["zh-HK"].text
