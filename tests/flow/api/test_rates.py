"""Calls in a short time: each program has a bucket of its own, says how it stands, and Valkey's absence harms nobody."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.flow.api.conftest import Api, rows_of
from tests.numbers import new_card, new_mobile

from trilend.api import rates
from trilend.config import Settings
from trilend.parties.models import Party


@pytest.fixture
def three_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A bucket of three calls a minute."""
    monkeypatch.setenv("TRILEND_API_CALLS_PER_MINUTE", "3")
    monkeypatch.setattr(rates, "settings", Settings)
    yield
    rates._script.cache_clear()
    rates._away_until[0] = 0.0


def test_the_call_after_the_last_one_is_refused_and_told_when_to_come_back(
    api: Api, program: Callable[..., Api], three_calls: None, customer: dict[str, str]
) -> None:
    left = [api.get("/parties").headers for _ in range(3)]
    assert [told["RateLimit-Remaining"] for told in left] == ["2", "1", "0"]
    assert {told["RateLimit-Limit"] for told in left} == {"3"}
    assert {told["RateLimit-Policy"] for told in left} == {"3;w=60"}
    assert 1 <= int(left[0]["RateLimit-Reset"]) <= 20
    refused = api.post("/parties", customer)
    assert (refused.status_code, refused.json["code"], refused.json["retry"]) == (429, "too_many_calls", True)
    assert refused.json["hint"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert rows_of(api.tenant, Party) == 0
    assert program(api.tenant).get("/parties").status_code == 200


def test_problems_tell_how_the_bucket_stands_too(api: Api, three_calls: None) -> None:
    answer = api.get("/parties/99")
    assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (404, "2")


def test_without_valkey_calls_go_on_and_do_not_wait_each_time(
    api: Api, three_calls: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRILEND_VALKEY_URL", "redis://127.0.0.1:1/0")
    rates._script.cache_clear()
    tried: list[int] = []
    script = rates._script

    def counted(process: int) -> Any:
        tried.append(process)
        return script(process)

    monkeypatch.setattr(rates, "_script", counted)
    answers = [api.get("/parties") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 5
    assert all("RateLimit-Limit" not in answer.headers for answer in answers)
    assert len(tried) == 1
    monkeypatch.setattr(rates, "_script", script)


def test_lists_are_filtered_by_what_is_documented_and_nothing_is_guessed(api: Api, asked: dict[str, Any]) -> None:
    api.post("/applications", asked | {"applied_on": "2026-01-31"})
    for query, found in (
        ({"applied_from": "2026-01-31", "applied_to": "2026-01-31"}, 1),
        ({"applied_from": "2026-02-01"}, 0),
        ({"applied_to": "2026-01-30"}, 0),
        ({"product": "P01"}, 1),
        ({"product": "P99"}, 0),
        ({"applied_from": "2026-02-01", "applied_to": "2026-01-01"}, 0),
    ):
        assert len(api.get("/applications", **query).json["items"]) == found, query
    for path, query, field in (
        ("/applications", {"applied_from": "yesterday"}, "applied_from"),
        ("/loans", {"due_to": "0"}, "due_to"),
        ("/journals", {"business_date": "2026-02-30"}, "business_date"),
        ("/journals", {"cursor": "zz"}, "cursor"),
        ("/parties", {"kind": "alien"}, "kind"),
        ("/parties", {"colour": "red"}, "colour"),
    ):
        answer = api.get(path, **query)
        assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)
        assert answer.json["errors"][0]["detail"]
    other = {
        "kind": "organization",
        "name": "云杉商贸有限公司",
        "identifier": "91110105MA01A1B230",
        "mobile": new_mobile(),
        "account_number": new_card(),
    }
    assert api.post("/parties", other).status_code == 201
    assert [item["name"] for item in api.get("/parties", kind="organization").json["items"]] == ["云杉商贸有限公司"]
