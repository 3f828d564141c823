"""Invariant 4 at the interface: what is sent twice under one key happens once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text, update
from tests.flow.api.conftest import Api, rows_of

from trilend.api.models import IdempotencyRecord
from trilend.identity.models import ApiToken
from trilend.parties.models import Party
from trilend.tenancy.context import bound, tenant_session
from trilend_microfinance.applications.models import Application


def test_a_repetition_gets_the_first_answer_and_does_nothing(api: Api, customer: dict[str, str]) -> None:
    first = api.post("/parties", customer, key="order-1")
    again = api.post("/parties", dict(reversed(customer.items())), key="order-1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.data == first.data
    assert again.headers["Location"] == first.headers["Location"]
    assert (first.headers.get("Idempotency-Replayed"), again.headers["Idempotency-Replayed"]) == (None, "true")
    assert rows_of(api.tenant, Party) == 1


def test_a_key_names_one_request(api: Api, customer: dict[str, str], asked: dict[str, Any]) -> None:
    api.post("/applications", asked, key="order-2")
    for path, body in (("/applications", asked | {"periods": 24}), ("/parties", customer)):
        answer = api.post(path, body, key="order-2")
        assert (answer.status_code, answer.json["code"]) == (422, "idempotency_mismatch")
    assert rows_of(api.tenant, Application) == 1


def test_keys_of_two_programs_do_not_meet(api: Api, program: Callable[..., Api], asked: dict[str, Any]) -> None:
    other = program(api.tenant)
    made = [caller.post("/applications", asked, key="order-3").json["id"] for caller in (api, other)]
    assert made[0] != made[1]


def test_without_a_key_two_applications_are_two(api: Api, asked: dict[str, Any]) -> None:
    assert api.post("/applications", asked).json["id"] != api.post("/applications", asked).json["id"]


def test_a_refused_request_may_be_sent_again_under_its_key(
    api: Api, customer: dict[str, str], asked: dict[str, Any]
) -> None:
    refused = api.post("/applications", asked | {"product": "P99"}, key="order-4")
    assert (refused.status_code, refused.json["errors"][0]["field"]) == (422, "product")
    with bound(api.tenant):
        tenant_session.execute(text("UPDATE loan_product SET code = 'P99' WHERE code = 'P02'"))
        tenant_session.commit()
    assert api.post("/applications", asked | {"product": "P99"}, key="order-4").status_code == 201


@pytest.mark.parametrize("key", ["a b", "钥匙".encode().decode("latin-1"), "x" * 201])
def test_a_key_is_visible_ascii(api: Api, customer: dict[str, str], key: str) -> None:
    answer = api.post("/parties", customer, key=key)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert rows_of(api.tenant, Party) == 0


def test_a_request_that_is_being_worked_on_is_not_begun_again(
    api: Api, customer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trilend.api import parties

    begun, go_on = threading.Event(), threading.Event()
    add = parties.service.add_party

    def slow(*arguments: Any, **named: Any) -> Any:
        begun.set()
        assert go_on.wait(10)
        return add(*arguments, **named)

    monkeypatch.setattr(parties.service, "add_party", slow)
    answers: list[Any] = []
    first = threading.Thread(target=lambda: answers.append(api.post("/parties", customer, key="order-5")))
    first.start()
    assert begun.wait(10)
    meanwhile = Api(api.browser, api.tenant, api.client_id, api.secret, api.token)
    same = meanwhile.post("/parties", customer, key="order-5")
    other = meanwhile.post("/parties", customer | {"name": "别人"}, key="order-5")
    go_on.set()
    first.join()
    assert (same.status_code, same.json["code"], same.headers["Retry-After"]) == (409, "idempotency_in_flight", "1")
    assert same.json["retry"] is True
    assert other.json["code"] == "idempotency_mismatch"
    assert answers[0].status_code == 201
    assert api.post("/parties", customer, key="order-5").json == answers[0].json
    assert rows_of(api.tenant, Party) == 1


def test_two_requests_for_one_thing_without_a_key_end_in_one_thing(
    api: Api, customer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trilend.api import parties

    both = threading.Barrier(2, timeout=10)
    build = parties.service._party

    def together(*given: Any) -> Any:
        both.wait()
        return build(*given)

    monkeypatch.setattr(parties.service, "_party", together)
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(api.post("/parties", customer))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert next(answer.json["code"] for answer in answers if answer.status_code == 409) == "collision"
    assert rows_of(api.tenant, Party) == 1


def test_a_crash_in_the_middle_leaves_the_key_to_the_next_attempt(
    api: Api, customer: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("trilend.api.parties.masked", lambda _: 1 / 0)
        assert api.post("/parties", customer, key="order-6").status_code == 500
    assert rows_of(api.tenant, Party) == 0
    assert api.post("/parties", customer, key="order-6").status_code == 201


def test_keys_are_forgotten_after_thirty_days(api: Api, customer: dict[str, str]) -> None:
    api.post("/parties", customer, key="order-7")
    with bound(api.tenant):
        tenant_session.execute(update(IdempotencyRecord).values(created_at=text("now() - interval '31 days'")))
        tenant_session.commit()
    api.issue()
    assert rows_of(api.tenant, IdempotencyRecord) == 0
    assert rows_of(api.tenant, ApiToken) == 2
