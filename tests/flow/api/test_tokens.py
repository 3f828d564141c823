"""Tokens: who gets one, for what, where it is good, and when it ends."""

import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from tests.conftest import PASSWORD
from tests.flow.api.conftest import STAFF, Api, rows_of
from werkzeug.test import Client

from trilend.api.oauth import server
from trilend.api.programs import digest_of
from trilend.config import Settings
from trilend.db.base import now
from trilend.identity.models import ApiClient, ApiToken
from trilend.identity.service import revoke_api_client
from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.servers import engine_of

PROBLEM = "application/problem+json"


def test_credentials_in_the_header_give_a_token_for_an_hour(program: Callable[..., Api], tenant: Any) -> None:
    api = program(tenant, "parties:read", "loans:read", signed_in=False)
    answer = api.issue()
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json | {"access_token": ""} == {
        "token_type": "Bearer",
        "access_token": "",
        "expires_in": 3600,
        "scope": "loans:read parties:read",
    }
    with bound(tenant):
        (held,) = tenant_session.scalars(select(ApiToken)).all()
        assert held.digest == digest_of(answer.json["access_token"])
        assert timedelta(minutes=59) < held.expires_at - now() <= timedelta(hours=1)


def test_credentials_in_the_form_give_a_token_for_less_than_the_program_may(
    program: Callable[..., Api], tenant: Any
) -> None:
    api = program(tenant, "parties:read", "loans:read", signed_in=False)
    form = {
        "grant_type": "client_credentials",
        "client_id": api.client_id,
        "client_secret": api.secret,
        "scope": "loans:read",
    }
    answer = api.browser.post("/oauth/token", data=form)
    assert (answer.status_code, answer.json["scope"]) == (200, "loans:read")


@pytest.mark.parametrize("client_id", ["own", "tc_nobody", "tc_\0"])
@pytest.mark.parametrize("secret", ["wrong", "密码", ""])
def test_a_wrong_secret_gives_nothing_and_does_not_say_whether_the_program_exists(
    program: Callable[..., Api], tenant: Any, client_id: str, secret: str
) -> None:
    api = program(tenant, signed_in=False)
    api.secret = secret
    api.client_id = api.client_id if client_id == "own" else client_id
    answer = api.issue()
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert "exist" not in answer.text
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert rows_of(tenant, ApiToken) == 0


def test_a_program_that_was_switched_off_gets_no_token_and_loses_those_it_has(api: Api, tenant: Any) -> None:
    with bound(tenant):
        client = tenant_session.scalars(select(ApiClient)).one()
        revoke_api_client(tenant_session(), STAFF, client.id)
        tenant_session.commit()
    assert api.issue().json["error"] == "invalid_client"
    assert api.get("/parties").json["code"] == "token_refused"


def test_a_scope_that_the_program_may_not_have_is_refused_and_not_narrowed(
    program: Callable[..., Api], tenant: Any
) -> None:
    api = program(tenant, "loans:read", signed_in=False)
    answer = api.issue(scope="loans:read loans:disburse")
    assert (answer.status_code, answer.json["error"]) == (400, "invalid_scope")
    assert rows_of(tenant, ApiToken) == 0


@pytest.mark.parametrize("grant", ["password", "implicit", ""])
def test_no_other_grant_is_known(program: Callable[..., Api], tenant: Any, grant: str) -> None:
    answer = program(tenant, signed_in=False).issue(grant_type=grant)
    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token"])
def test_a_program_of_the_company_acts_for_nobody(program: Callable[..., Api], tenant: Any, grant: str) -> None:
    answer = program(tenant, signed_in=False).issue(grant_type=grant)
    assert (answer.status_code, answer.json["error"]) == (400, "unauthorized_client")


def test_a_token_lacks_what_it_was_not_issued_for(program: Callable[..., Api], tenant: Any) -> None:
    api = program(tenant, "parties:read")
    assert api.get("/parties").status_code == 200
    answer = api.get("/journals")
    assert (answer.status_code, answer.mimetype, answer.json["code"]) == (403, PROBLEM, "scope_missing")
    assert answer.json["details"] == {"scope": "ledger:read"}
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="insufficient_scope", scope="ledger:read"'


def test_invariant_2_a_token_of_one_company_is_refused_by_another(
    api: Api, new_tenant: Callable[..., Any], browse: Callable[[str], Client]
) -> None:
    other = new_tenant(name="绿水小额贷款有限公司")
    stranger = Api(browse(f"{other.slug}.localhost"), other, api.client_id, api.secret, api.token)
    answer = stranger.get("/parties")
    assert (answer.status_code, answer.json["code"]) == (401, "token_refused")
    assert answer.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert stranger.issue().json["error"] == "invalid_client"


def test_a_person_who_is_signed_in_is_nobody_to_the_interface(tenant: Any, browse: Callable[[str], Client]) -> None:
    browser = browse(f"{tenant.slug}.localhost")
    page = browser.get("/login/").text
    token = page.partition('name="csrf_token"')[2].partition('value="')[2].partition('"')[0]
    entered = {"username": "admin", "password": PASSWORD, "csrf_token": token}
    assert browser.post("/login/", data=entered).status_code == 302
    assert browser.get("/customers/").status_code == 200
    answer = browser.get("/api/v1/parties")
    assert (answer.status_code, answer.json["code"]) == (401, "token_missing")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_token_ends_after_its_hour(api: Api, tenant: Any) -> None:
    with bound(tenant):
        tenant_session.execute(update(ApiToken).values(expires_at=now()))
        tenant_session.commit()
    assert api.get("/parties").json["code"] == "token_refused"
    api.token = api.issue().json["access_token"]
    assert api.get("/parties").status_code == 200
    assert rows_of(tenant, ApiToken) == 1


def test_a_program_ends_its_own_token_and_nobody_elses(api: Api, program: Callable[..., Api], tenant: Any) -> None:
    other = program(tenant)
    form = {"client_id": other.client_id, "client_secret": other.secret, "token": api.token}
    assert other.browser.post("/oauth/revoke", data=form).json["error"] == "invalid_grant"
    assert api.get("/parties").status_code == 200
    form = {"client_id": api.client_id, "client_secret": api.secret, "token": api.token}
    assert api.browser.post("/oauth/revoke", data=form).status_code == 200
    assert api.get("/parties").json["code"] == "token_refused"
    assert api.browser.post("/oauth/revoke", data=form | {"token": "unknown"}).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic abc", "Bearer tt_guess", "Bearer 令牌"])
def test_without_a_good_token_nothing_is_told(tenant: Any, browse: Callable[[str], Client], header: str) -> None:
    answer = browse(f"{tenant.slug}.localhost").get(
        "/api/v1/parties", headers={"Authorization": header.encode().decode("latin-1")}
    )
    assert answer.status_code == 401
    assert answer.json["code"] in {"token_missing", "token_refused"}


def test_the_token_is_checked_in_one_query(api: Api) -> None:
    api.get("/jobs/1")
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    event.listen(engine_of(api.tenant.shard, api.tenant.cell), "before_cursor_execute", note)
    try:
        assert api.get("/jobs/1").status_code == 404
    finally:
        event.remove(engine_of(api.tenant.shard, api.tenant.cell), "before_cursor_execute", note)
    assert [("api_token" in statement, "FROM job" in statement) for statement in statements] == [
        (True, False),
        # What the program may see.
        (False, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("base_url", "status"),
    [("http://localhost:8000", 200), ("https://trilend.example", 200), ("http://trilend.example", 400)],
)
def test_tokens_travel_over_https_or_within_one_machine(
    program: Callable[..., Api], tenant: Any, monkeypatch: pytest.MonkeyPatch, base_url: str, status: int
) -> None:
    api = program(tenant, signed_in=False)
    monkeypatch.setenv("TRILEND_BASE_URL", base_url)
    monkeypatch.setattr(server, "settings", Settings)
    answer = api.issue()
    assert answer.status_code == status
    assert status == 200 or answer.json["error"] == "insecure_transport"
    assert "AUTHLIB_INSECURE_TRANSPORT" not in os.environ
