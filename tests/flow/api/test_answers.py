"""What the interface answers: problems, pages, masked identifiers, and nothing of another kind."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.flow.api.conftest import Api, rows_of
from tests.numbers import new_card, new_mobile, new_resident_id
from werkzeug.test import Client

from trilend.api.parties import PARTIES
from trilend.parties.models import Party

MEMBERS = {"type", "title", "status", "code", "detail", "hint", "retry", "request_id"}


def test_a_problem_has_the_shape_of_rfc_9457(api: Api) -> None:
    answer = api.get("/parties/999999")
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.json | {"request_id": ""} == {
        "type": "urn:trilend:problem:not_found",
        "title": "There is nothing at this address",
        "status": 404,
        "code": "not_found",
        "detail": "This customer does not exist.",
        "hint": "Check the address; the description at /api/v1/_openapi lists all there are.",
        "retry": False,
        "details": {"id": "999999"},
        "request_id": "",
    }
    assert answer.headers["X-Request-ID"] == answer.json["request_id"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_problem_speaks_the_language_asked_for(api: Api, browse: Callable[[str], Client]) -> None:
    path, host = "/api/v1/parties/999999", f"{api.tenant.slug}.localhost"
    for asked, given in (("en", "en"), ("zh-HK", "zh-Hant"), ("zh-CN", "zh-Hans"), ("fr", "zh-Hans")):
        headers = {"Authorization": f"Bearer {api.token}", "Accept-Language": asked}
        answer = browse(host).get(path, headers=headers)
        assert answer.headers["Content-Language"] == given
        assert answer.json["detail"].isascii() == answer.json["title"].isascii() == (given == "en")


def test_every_value_that_does_not_fit_is_named(api: Api, customer: dict[str, str]) -> None:
    answer = api.post("/parties", {"kind": "alien", "name": "a\u0000b", "mobile": 13900000000, "identifer": "1"})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert {(fault["field"], fault["code"]) for fault in answer.json["errors"]} == {
        ("kind", "enum"),
        ("name", "string_pattern_mismatch"),
        ("identifier", "missing"),
        ("mobile", "string_type"),
        ("account_number", "missing"),
        ("identifer", "extra_forbidden"),
    }
    assert all(fault["detail"] for fault in answer.json["errors"])
    assert rows_of(api.tenant, Party) == 0


def test_a_rule_of_the_trade_names_its_field_too(api: Api, customer: dict[str, str]) -> None:
    answer = api.post("/parties", customer | {"mobile": "12345"})
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_party")
    assert answer.json["errors"] == [
        {"field": "mobile", "code": "invalid_party", "detail": "The mobile number is wrong: enter its 11 digits."}
    ]
    assert rows_of(api.tenant, Party) == 0


@pytest.mark.parametrize(
    ("content", "media_type", "status", "code"),
    [
        (b"{", "application/json", 400, "malformed_body"),
        (b'{"name": "\xff"}', "application/json", 400, "malformed_body"),
        (b'{"name": "\\ud800"}', "application/json", 400, "malformed_body"),
        (b"[]", "application/json", 422, "invalid_request"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "wrong_media_type"),
        (b"{}", "text/plain", 415, "wrong_media_type"),
        (b" " * 2_000_000, "application/json", 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_read_is_a_problem(
    api: Api, content: bytes, media_type: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": media_type}
    answer = api.browser.post("/api/v1/parties", data=content, headers=headers)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json.keys() >= MEMBERS


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/api/v2/parties", 404, "not_found"),
        ("GET", "/api/v1/parties/", 404, "not_found"),
        ("GET", "/api/v1/parties/x", 404, "not_found"),
        ("GET", "/api/v1/parties/99999999999999999999", 404, "not_found"),
        ("DELETE", "/api/v1/parties", 405, "method_not_allowed"),
        ("GET", "/oauth/token", 405, "method_not_allowed"),
    ],
)
def test_addresses_and_methods_that_are_not_there_are_problems(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    headers = {"Authorization": f"Bearer {api.token}", "Accept-Language": "en"}
    answer = api.browser.open(path, method=method, headers=headers)
    assert (answer.status_code, answer.mimetype, answer.json["code"]) == (status, "application/problem+json", code)
    if status == 405:
        assert answer.json["hint"] == "The header Allow names the methods that it takes."
        assert set(answer.headers["Allow"].split(", ")) <= {"GET", "HEAD", "POST", "OPTIONS"}


def test_a_fault_of_ours_tells_nothing_of_our_insides(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise RuntimeError("password=hunter2 at 10.0.0.7")

    monkeypatch.setattr("trilend.api.parties.service.party", fail)
    answer = api.get("/parties/1")
    assert (answer.status_code, answer.json["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize("kind", ["guarantee", "broker"])
def test_what_belongs_to_another_kind_is_not_there(
    new_tenant: Callable[..., Any], program: Callable[..., Api], kind: str
) -> None:
    api = program(new_tenant(kind=kind, name="长城融资担保有限公司"))
    for path in ("/applications", "/loans", "/products", "/loans/1/schedule"):
        answer = api.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert api.post("/collections").status_code == 404
    assert api.get("/parties").status_code == 200
    described = api.get("/_openapi").json
    assert not any("applications" in path or "loans" in path for path in described["paths"])


def test_identifiers_leave_masked_only(api: Api, customer: dict[str, str]) -> None:
    made = api.post("/parties", customer)
    assert made.status_code == 201
    assert made.headers["Location"] == f"/api/v1/parties/{made.json['id']}"
    read = api.get(f"/parties/{made.json['id']}")
    listed = api.get("/parties", search=customer["identifier"])
    assert listed.json["items"] == [read.json] == [made.json]
    for answer in (made, read, listed):
        for field in ("identifier", "mobile", "account_number"):
            assert customer[field] not in answer.text
    assert read.json["identifier"] == customer["identifier"][:3] + "*" * 11 + customer["identifier"][-4:]


def test_pages_show_each_row_once_whatever_is_added_in_between(api: Api) -> None:
    def add(name: str) -> int:
        data = {
            "kind": "person",
            "name": name,
            "identifier": new_resident_id(born=f"1985{len(made) // 28 + 1:02d}{len(made) % 28 + 1:02d}"),
            "mobile": new_mobile(),
            "account_number": new_card(),
        }
        made.append(api.post("/parties", data).json["id"])
        return made[-1]

    made: list[int] = []
    before = [add(f"客户{number}") for number in range(7)]
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.get("/parties", limit=3, cursor=cursor).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        add("后来者")
    assert seen == sorted(before, reverse=True)


@pytest.mark.parametrize(
    "query", [{"cursor": "x"}, {"cursor": "LTE"}, {"cursor": "\x00"}, {"limit": "0"}, {"limit": "201"}, {"offset": "3"}]
)
def test_a_page_that_makes_no_sense_is_refused(api: Api, query: dict[str, str]) -> None:
    answer = api.get("/parties", **query)
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json["errors"]] == list(query)


def test_an_operation_needs_a_scope_that_exists_and_parameters_that_match_its_path() -> None:
    with pytest.raises(LookupError):
        PARTIES.get("/x", scope="parties:destroy", summary="")
    with pytest.raises(TypeError):
        PARTIES.get("/x/{y_id}", scope=None, summary="")(lambda call: None)  # type: ignore[arg-type,return-value]


def test_books_balance(api: Api) -> None:
    items = api.get("/balances").json["items"]
    assert [item["account"] for item in items] == sorted(item["account"] for item in items)
    assert {item["balance"] for item in items} == {"0.00"}
    assert api.get("/journals", source_type="loan", source_id=1).json == {"items": [], "next_cursor": None}
