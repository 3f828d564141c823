"""Programs that act for people: consent, rotation, what a person lends, and how it ends."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask_appbuilder.security.sqla.models import Role, User
from sqlalchemy import func, select, update
from tests.conftest import PASSWORD
from tests.flow.api.asking import BACK, READ, Asking, answered, csrf, grants, sign_in
from tests.flow.api.conftest import STAFF, rows_of
from werkzeug.test import Client

from trilend.api.oauth.sweeping import sweep_tokens
from trilend.audit.models import AuditEntry
from trilend.db.base import now
from trilend.identity.models import ApiClient, ApiCode, ApiGrant, ApiRefreshToken, ApiToken, ProgramKind
from trilend.identity.service import add_api_client, revoke_api_client
from trilend.parties.models import Party
from trilend.tenancy.context import bound, tenant_session


@pytest.mark.parametrize("kind", [ProgramKind.WEB, ProgramKind.NATIVE])
def test_a_person_allows_a_program_which_then_does_what_both_may(
    asking: Callable[..., Asking], kind: ProgramKind
) -> None:
    program = asking(kind=kind)
    page = program.open()
    assert "账簿助手" in page.text
    assert "form-action 'self' https://books.example" in page.headers["Content-Security-Policy"]
    back = answered(program.decide("allow"))
    assert back["state"] == "state-1"
    assert back["iss"] == f"http://{program.tenant.slug}.localhost:8000"
    answer = program.exchange(back["code"])
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json | {"access_token": "", "refresh_token": ""} == {
        "token_type": "Bearer",
        "access_token": "",
        "refresh_token": "",
        "expires_in": 3600,
        "scope": "ledger:read parties:read",
    }
    api = program.api(answer.json["access_token"])
    assert api.get("/journals").status_code == 200
    assert api.post("/parties", {}).json["code"] == "scope_missing"


def test_the_page_says_in_the_persons_language_who_asks_for_what(asking: Callable[..., Asking], officer: str) -> None:
    program = asking(person=officer)
    for language, asked, lacking in (
        ("en", "Read customers (identifiers masked)", "Read journals and balances"),
        ("zh-CN", "读取客户", "读取凭证"),
    ):
        page = program.browser.get(
            "/authorize/", query_string=program.query(), headers={"Accept-Language": language}
        ).text
        assert page.index(asked) < page.index(lacking), language
    assert 'value="allow"' in page
    assert 'value="allow"' not in program.open(scope="ledger:read").text


def test_refusing_works_and_gives_nothing(asking: Callable[..., Asking]) -> None:
    program = asking()
    back = answered(program.decide("refuse"))
    assert (back["error"], back["state"]) == ("access_denied", "state-1")
    assert "iss" in back
    assert grants(program.tenant, program.client_id) == []


def test_whoever_is_not_signed_in_signs_in_first_and_comes_back(asking: Callable[..., Asking]) -> None:
    program = asking(person="")
    answer = program.open()
    assert answer.status_code == 302
    login = answer.headers["Location"]
    assert login.startswith("/login/?next=")
    page = program.browser.get(login).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    entered = {"username": "admin", "password": PASSWORD, "csrf_token": token[1]}
    back = program.browser.post(login, data=entered).headers["Location"]
    assert back.startswith("/authorize/?")
    assert 'value="allow"' in program.browser.get(back).text


def test_nobody_allows_without_the_token_of_the_page(asking: Callable[..., Asking]) -> None:
    program = asking()
    answer = program.browser.post("/authorize/", query_string=program.query(), data={"decision": "allow"})
    assert answer.status_code == 400
    assert grants(program.tenant, program.client_id) == []


def test_refresh_tokens_rotate_and_a_second_use_ends_the_family(asking: Callable[..., Asking]) -> None:
    program = asking()
    first = program.tokens()
    second = program.refresh(first["refresh_token"]).json
    third = program.refresh(second["refresh_token"], scope="parties:read").json
    assert len({first["refresh_token"], second["refresh_token"], third["refresh_token"]}) == 3
    assert third["scope"] == "parties:read"
    assert program.refresh(third["refresh_token"], scope="parties:write").json["error"] == "invalid_scope"
    api = program.api(second["access_token"])
    assert api.get("/parties").status_code == 200

    assert program.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
    assert program.refresh(third["refresh_token"]).json["error"] == "invalid_grant"
    for token in (first, second, third):
        assert program.api(token["access_token"]).get("/parties").json["code"] == "token_refused"
    with bound(program.tenant):
        entry = tenant_session.scalars(
            select(AuditEntry).where(AuditEntry.act == "api_grant.revoked").order_by(AuditEntry.id.desc()).limit(1)
        ).one()
        assert entry.details["why"] == "refresh_token_used_twice"


def test_a_refresh_token_of_another_program_or_past_its_time_is_refused(asking: Callable[..., Asking]) -> None:
    program, other = asking(), asking()
    token = program.tokens()["refresh_token"]
    assert other.refresh(token).json["error"] == "invalid_grant"
    assert grants(program.tenant, program.client_id)[0].revoked_at is None
    with bound(program.tenant):
        tenant_session.execute(update(ApiRefreshToken).values(expires_at=now()))
        tenant_session.commit()
    assert program.refresh(token).json["error"] == "invalid_grant"


def test_a_program_never_does_what_its_person_may_not(asking: Callable[..., Asking], officer: str) -> None:
    program = asking(person=officer, scopes=("parties:read", "parties:write", "ledger:read"))
    answer = program.exchange(program.code(scope="parties:read parties:write ledger:read"))
    assert answer.json["scope"] == "parties:read parties:write"
    api = program.api(answer.json["access_token"])
    assert api.get("/journals").json["code"] == "scope_missing"
    assert api.get("/parties").status_code == 200
    with bound(program.tenant):
        person = tenant_session.scalars(select(User).where(User.username == officer)).one()
        person.roles = list(tenant_session.scalars(select(Role).where(Role.name == "Auditor")))
        tenant_session.commit()
    refused = api.post("/parties", {})
    assert (refused.status_code, refused.json["code"]) == (403, "person_may_not")
    assert api.get("/parties").status_code == 200
    with bound(program.tenant):
        tenant_session.execute(update(User).where(User.username == officer).values(active=False))
        tenant_session.commit()
    assert api.get("/parties").json["code"] == "token_refused"


def test_what_a_program_does_for_a_person_is_logged_as_theirs(
    asking: Callable[..., Asking], officer: str, customer: dict[str, str]
) -> None:
    program = asking(person=officer)
    token = program.exchange(program.code(scope="parties:write")).json["access_token"]
    made = program.api(token).post("/parties", customer)
    assert made.status_code == 201, made.text
    with bound(program.tenant):
        entry = tenant_session.scalars(
            select(AuditEntry).where(AuditEntry.act == "party.added", AuditEntry.subject_id == made.json["id"])
        ).one()
        person = tenant_session.scalars(select(User).where(User.username == officer)).one()
        assert (entry.actor, entry.actor_id) == ("林信贷 (API 账簿助手)", person.id)


def test_one_person_never_gets_the_answer_to_anothers_key(
    asking: Callable[..., Asking], officer: str, customer: dict[str, str]
) -> None:
    program = asking(person=officer)
    first = program.exchange(program.code(scope="parties:write")).json["access_token"]
    made = program.api(first).post("/parties", customer, key="k-1")
    assert made.status_code == 201
    sign_in(program.browser, "admin")
    second = program.exchange(program.code(scope="parties:write")).json["access_token"]
    answer = program.api(second).post("/parties", customer, key="k-1")
    assert (answer.status_code, answer.json["code"]) == (409, "party_exists")
    assert program.api(first).post("/parties", customer, key="k-1").json == made.json


def test_a_person_ends_what_was_allowed_and_only_the_own(asking: Callable[..., Asking], officer: str) -> None:
    program = asking(person=officer)
    token = program.exchange(program.code(scope="parties:read")).json["access_token"]
    page = program.browser.get("/my-programs/").text
    assert "账簿助手" in page
    (grant,) = grants(program.tenant, program.client_id)
    stranger = asking()
    form = {"csrf_token": csrf(stranger.browser)}
    assert stranger.browser.post(f"/my-programs/{grant.id}/end", data=form).status_code == 404
    assert program.api(token).get("/parties").status_code == 200
    form = {"csrf_token": csrf(program.browser)}
    assert program.browser.post(f"/my-programs/{grant.id}/end", data=form).status_code == 303
    assert program.api(token).get("/parties").json["code"] == "token_refused"
    assert "账簿助手" not in program.browser.get("/my-programs/").text.partition("<table")[2]


def test_a_program_gives_a_family_back(asking: Callable[..., Asking]) -> None:
    program = asking(kind=ProgramKind.NATIVE)
    tokens = program.tokens()
    form = {"client_id": program.client_id, "token": tokens["refresh_token"], "token_type_hint": "refresh_token"}
    assert program.browser.post("/oauth/revoke", data=form).status_code == 200
    assert program.api(tokens["access_token"]).get("/parties").json["code"] == "token_refused"


def test_a_program_learns_about_its_own_tokens_only(asking: Callable[..., Asking]) -> None:
    program, other = asking(), asking()
    tokens = program.tokens()

    def told(who: Asking, token: str) -> dict[str, Any]:
        form = {"client_id": who.client_id, "client_secret": who.secret, "token": token}
        return dict(who.browser.post("/oauth/introspect", data=form).json)

    access = told(program, tokens["access_token"])
    assert (access["active"], access["scope"], access["client_id"]) == (
        True,
        "ledger:read parties:read",
        program.client_id,
    )
    assert access["sub"] == "1"
    assert told(program, tokens["refresh_token"])["active"] is True
    for unknown in (told(other, tokens["access_token"]), told(program, "tt_unknown")):
        assert unknown == {"active": False}
    program.refresh(tokens["refresh_token"])
    assert told(program, tokens["refresh_token"]) == {"active": False}
    naked = program.browser.post("/oauth/introspect", data={"client_id": program.client_id, "token": "x"})
    assert (naked.status_code, naked.json["error"]) == (401, "invalid_client")


def test_a_program_that_is_switched_off_acts_for_nobody(asking: Callable[..., Asking]) -> None:
    program = asking()
    tokens = program.tokens()
    with bound(program.tenant):
        client = tenant_session.scalars(select(ApiClient).where(ApiClient.client_id == program.client_id)).one()
        revoke_api_client(tenant_session(), STAFF, client.id)
        tenant_session.commit()
    assert program.api(tokens["access_token"]).get("/parties").json["code"] == "token_refused"
    assert program.refresh(tokens["refresh_token"]).json["error"] == "invalid_client"
    assert program.open().status_code == 400


def test_invariant_2_nothing_of_one_company_is_good_at_another(
    asking: Callable[..., Asking], new_tenant: Callable[..., Any], browse: Callable[[str], Client]
) -> None:
    program = asking()
    other = new_tenant(name="绿水小额贷款有限公司")
    thief = Asking(browse(f"{other.slug}.localhost"), other, program.client_id, program.secret, program.verifier)
    sign_in(thief.browser, "admin", shared=False)
    assert thief.open().status_code == 400
    assert thief.exchange(program.code()).json["error"] == "invalid_client"
    with bound(other):
        own, secret = add_api_client(
            tenant_session(), STAFF, name="贼", scopes=READ, kind=ProgramKind.WEB, redirect_uris=[BACK]
        )
        # Even a program that carries the very same name there holds nothing of what was given here.
        own.client_id = program.client_id
        tenant_session.commit()
    thief.secret = secret
    tokens = program.tokens()
    assert thief.exchange(program.code()).json["error"] == "invalid_grant"
    assert thief.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"
    form = {"client_id": thief.client_id, "client_secret": secret, "token": tokens["access_token"]}
    assert thief.browser.post("/oauth/introspect", data=form).json == {"active": False}
    assert thief.browser.post("/oauth/revoke", data=form).status_code == 200
    assert thief.api(tokens["access_token"]).get("/parties").json["code"] == "token_refused"
    assert rows_of(other, ApiToken) == 0
    assert program.api(tokens["access_token"]).get("/parties").status_code == 200


def test_what_has_run_out_is_swept_and_nothing_else(asking: Callable[..., Asking]) -> None:
    program = asking()
    program.tokens()
    keeping = asking()
    kept = keeping.tokens()
    (ended,) = grants(program.tenant, program.client_id)
    with bound(program.tenant):
        session = tenant_session()
        for model in (ApiCode, ApiToken, ApiRefreshToken):
            session.execute(update(model).where(model.grant_id == ended.id).values(expires_at=now() - timedelta(1)))
        session.commit()
        removed = sweep_tokens(session)
        session.commit()
        assert min(removed[name] for name in ("codes", "tokens", "refresh_tokens", "consents")) >= 1
        assert session.get(ApiGrant, ended.id) is None
        assert session.scalar(select(func.count()).select_from(Party)) is not None
    assert keeping.api(kept["access_token"]).get("/parties").status_code == 200
    assert keeping.refresh(kept["refresh_token"]).status_code == 200


def test_the_metadata_names_what_is_there(asking: Callable[..., Asking]) -> None:
    program = asking()
    told = program.browser.get("/.well-known/oauth-authorization-server").json
    here = f"http://{program.tenant.slug}.localhost:8000"
    assert told["issuer"] == here
    assert told["authorization_endpoint"] == f"{here}/authorize/"
    assert told["code_challenge_methods_supported"] == ["S256"]
    assert "loans:disburse" in told["scopes_supported"]
    for name in ("token", "revocation", "introspection"):
        address = told[f"{name}_endpoint"].removeprefix(here)
        assert program.browser.post(address).status_code in (400, 401)


ADDRESSES = (
    ("web", "https://a.example/cb", True),
    ("web", "http://a.example/cb", False),
    ("web", "http://127.0.0.1/cb", False),
    ("web", "https://a.example/cb#part", False),
    ("web", "https://user@a.example/cb", False),
    ("web", "https://a.example/cb;script-src *", False),
    ("web", "javascript:alert(1)", False),
    ("web", "", False),
    ("native", "http://127.0.0.1:8765/cb", True),
    ("native", "example.app.books:/cb", True),
    ("native", "http://192.168.0.1/cb", False),
    ("native", "javascript:alert(1)", False),
    ("service", "", True),
    ("service", "https://a.example/cb", False),
)


def test_an_administrator_registers_good_addresses_only(asking: Callable[..., Asking]) -> None:
    program = asking()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', program.browser.get("/api-clients/new").text)
    assert token
    form = {"name": "新程序", "scopes": ["parties:read"], "csrf_token": token[1]}
    for kind, addresses, is_good in ADDRESSES:
        before = rows_of(program.tenant, ApiClient)
        answer = program.browser.post("/api-clients/new", data=form | {"kind": kind, "redirect_uris": addresses})
        assert (answer.status_code, addresses) == (200 if is_good else 422, addresses)
        assert rows_of(program.tenant, ApiClient) == before + (1 if is_good else 0)
