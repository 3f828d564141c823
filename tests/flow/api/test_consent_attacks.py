"""Addresses, requests and codes that are not sound give nothing."""

import secrets
from collections.abc import Callable

import pytest
from sqlalchemy import update
from tests.flow.api.asking import BACK, Asking, answered, grants, held

from trilend.db.base import now
from trilend.identity.models import ApiCode, ApiToken
from trilend.tenancy.context import bound, tenant_session


@pytest.mark.parametrize(
    "address",
    [
        BACK + "/",
        BACK + "?x=1",
        BACK.replace("https", "http"),
        BACK.upper(),
        "https://books.example:443/callback",
        "https://books.example.evil.example/callback",
        "https://books.example/callback/../evil",
        "//books.example/callback",
        "javascript:alert(1)",
        "",
    ],
)
def test_an_address_that_is_not_registered_letter_for_letter_is_never_followed(
    asking: Callable[..., Asking], address: str
) -> None:
    answer = asking().open(redirect_uri=address)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize("client_id", ["tc_nobody", "tc_\0", ""])
def test_an_unknown_program_cannot_ask(asking: Callable[..., Asking], client_id: str) -> None:
    answer = asking().open(client_id=client_id)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("other", "error"),
    [
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"scope": "parties:read loans:disburse"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_a_request_that_is_not_sound_goes_back_with_its_error(
    asking: Callable[..., Asking], other: dict[str, str], error: str
) -> None:
    program = asking()
    back = answered(program.open(**other))
    assert (back["error"], back["state"]) == (error, "state-1")
    assert grants(program.tenant, program.client_id) == []


@pytest.mark.parametrize(
    "form",
    [
        {"code_verifier": secrets.token_urlsafe(48)},
        {"code_verifier": ""},
        {"redirect_uri": "https://books.example/other"},
        {"redirect_uri": ""},
        {"code": "guessed"},
        {"client_secret": "guessed"},
    ],
)
def test_a_code_alone_is_worth_nothing(asking: Callable[..., Asking], form: dict[str, str]) -> None:
    program = asking()
    answer = program.exchange(program.code(), **form)
    assert answer.status_code in (400, 401)
    assert held(program.tenant, ApiToken, program.client_id) == []


def test_a_code_is_worth_nothing_to_another_program_or_without_the_secret(asking: Callable[..., Asking]) -> None:
    program, other = asking(), asking()
    code = program.code()
    other.verifier = program.verifier
    assert other.exchange(code).json["error"] == "invalid_grant"
    bare = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": program.verifier}
    answer = program.browser.post("/oauth/token", data=bare | {"client_id": program.client_id})
    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    assert program.exchange(code).status_code == 200


def test_a_code_ends_after_two_minutes(asking: Callable[..., Asking]) -> None:
    program = asking()
    code = program.code()
    with bound(program.tenant):
        tenant_session.execute(update(ApiCode).values(expires_at=now()))
        tenant_session.commit()
    assert program.exchange(code).json["error"] == "invalid_grant"


def test_a_code_that_comes_twice_ends_all_that_came_of_it(asking: Callable[..., Asking]) -> None:
    program = asking()
    code = program.code()
    first = program.exchange(code).json
    assert program.exchange(code).json["error"] == "invalid_grant"
    assert program.api(first["access_token"]).get("/parties").json["code"] == "token_refused"
    assert program.refresh(first["refresh_token"]).json["error"] == "invalid_grant"
