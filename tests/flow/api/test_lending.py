"""A loan from application to collection, as a program sees and drives it."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.flow.api.conftest import Api, rows_of
from tests.flow.lending import Lender, new_borrower, open_lender, repay, sign_as_borrower

from trilend.audit.service import Actor, history
from trilend.jobs.models import Job
from trilend.ledger.models import Journal
from trilend.tenancy.context import bound, tenant_session
from trilend_microfinance.applications.models import Application
from trilend_microfinance.applications.service import approve
from trilend_microfinance.servicing.models import Loan
from trilend_sandbox.bank.process import BankProcess
from trilend_sdk.errors import Retryable, Terminal


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BankProcess]:
    """A running sandbox bank."""
    with BankProcess(tmp_path_factory.mktemp("bank")) as running:
        yield running


@pytest.fixture
def lender(session: Session, tenant: Any, bank: BankProcess) -> Lender:
    """The company with seal, bank and staff."""
    return open_lender(session, tenant, bank)


@pytest.fixture
def approved(api: Api, lender: Lender, session: Session) -> dict[str, Any]:
    """An application that a program submitted and a person approved."""
    party = new_borrower(session, lender, "李小明")
    body = {
        "party_id": party.id,
        "product": "P01",
        "amount": "120000.00",
        "periods": 12,
        "annual_rate": "0.12",
        "purpose": "经营周转",
    }
    made: dict[str, Any] = api.post("/applications", body).json
    decide(api.tenant, lender.approver, made["id"])
    return made


def decide(tenant: Any, approver: Actor, application_id: int) -> None:
    """A person approves."""
    with bound(tenant):
        approve(tenant_session(), approver, application_id, "同意")
        tenant_session.commit()


def test_an_application_is_taken_in_and_shows_the_limits_of_law(
    api: Api, asked: dict[str, Any], net_assets: None, session: Session
) -> None:
    answer = api.post("/applications", asked | {"number": "ERP-7"})
    assert answer.status_code == 201
    assert answer.headers["Location"] == f"/api/v1/applications/{answer.json['id']}"
    assert answer.json | {"id": 0, "applied_on": "", "created_at": "", "checks": []} == asked | {
        "id": 0,
        "number": "ERP-7",
        "party_name": "李小明",
        "applied_on": "",
        "state": "submitted",
        "decided_at": None,
        "decision_note": "",
        "block_rule": "",
        "created_at": "",
        "checks": [],
        "figure_missing": None,
        "loan_id": None,
    }
    borrower, cost = answer.json["checks"]
    assert borrower | {"basis": ""} == {
        "rule": "single_borrower",
        "basis": "",
        "cap": "5000000",
        "used": "0",
        "requested": "50000",
        "passes": True,
    }
    assert (cost["rule"], cost["cap"], cost["requested"], cost["passes"]) == ("all_in_cost", "0.24", "0.18", True)
    assert [line.actor for line in history(session, "loan_application", answer.json["id"])] == ["API ERP"]


def test_a_missing_figure_is_named_where_the_checks_would_stand(api: Api, asked: dict[str, Any]) -> None:
    made = api.post("/applications", asked).json
    assert (made["checks"], made["figure_missing"]) == ([], "net_assets")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"amount": "999.99"}, "invalid_application", "amount"),
        ({"amount": 50000}, "invalid_request", "amount"),
        ({"amount": 50000.5}, "invalid_request", "amount"),
        ({"amount": "50000.005"}, "invalid_request", "amount"),
        ({"amount": "-1.00"}, "invalid_request", "amount"),
        ({"amount": "NaN"}, "invalid_request", "amount"),
        ({"amount": "1e5"}, "invalid_request", "amount"),
        ({"periods": 61}, "invalid_application", "periods"),
        ({"periods": "12"}, "invalid_request", "periods"),
        ({"annual_rate": "0.36"}, "invalid_application", "annual_rate"),
        ({"annual_rate": "18"}, "invalid_request", "annual_rate"),
        ({"product": "P99"}, "invalid_application", "product"),
        ({"party_id": 999_999}, "invalid_application", "party_id"),
        ({"party_id": 2**63}, "invalid_request", "party_id"),
        ({"applied_on": "31.01.2026"}, "invalid_request", "applied_on"),
        ({"purpose": " "}, "invalid_request", "purpose"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    api: Api, asked: dict[str, Any], change: dict[str, Any], code: str, field: str
) -> None:
    answer = api.post("/applications", asked | change)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert [fault["field"] for fault in answer.json["errors"]] == [field]
    assert rows_of(api.tenant, Application) == 0


def test_two_applications_cannot_have_one_number(api: Api, asked: dict[str, Any]) -> None:
    api.post("/applications", asked | {"number": "ERP-7"})
    answer = api.post("/applications", asked | {"number": "ERP-7"})
    assert (answer.status_code, answer.json["code"]) == (409, "number_taken")
    assert answer.json["details"] == {"number": "ERP-7"}
    assert rows_of(api.tenant, Application) == 1


def test_applications_are_found_by_state_customer_and_number(api: Api, asked: dict[str, Any]) -> None:
    first, second = (api.post("/applications", asked | {"number": number}).json for number in ("A1", "A2"))
    party = asked["party_id"]
    for query, found in (
        ({"state": "submitted"}, [second, first]),
        ({"state": "approved"}, []),
        ({"number": "A1"}, [first]),
        ({"party_id": party}, [second, first]),
        ({"party_id": party + 1}, []),
    ):
        items = api.get("/applications", **query).json["items"]
        assert [item["id"] for item in items] == [item["id"] for item in found]
    assert api.get("/applications", state="lost").status_code == 422


def test_a_program_is_no_second_person(api: Api, asked: dict[str, Any], net_assets: None) -> None:
    made = api.post("/applications", asked).json
    path = f"/applications/{made['id']}"
    for answer in (api.post(f"{path}/approve", {}), api.post(f"{path}/refuse", {"note": "无"})):
        assert (answer.status_code, answer.json["code"]) == (403, "second_person_needed")
    assert api.get(path).json == made
    assert api.post(f"{path}/refuse", {}).json["errors"][0]["field"] == "note"


def test_a_contract_needs_an_approval_and_a_seal(
    api: Api, asked: dict[str, Any], net_assets: None, approver: Actor
) -> None:
    made = api.post("/applications", asked).json
    answer = api.post(f"/applications/{made['id']}/contract")
    assert (answer.status_code, answer.json["code"]) == (409, "not_approved")
    decide(api.tenant, approver, made["id"])
    answer = api.post(f"/applications/{made['id']}/contract")
    assert (answer.status_code, answer.json["code"], answer.json["details"]) == (
        409,
        "connection_not_ready",
        {"topic": "esign"},
    )
    assert rows_of(api.tenant, Loan) == 0


@pytest.mark.parametrize(("error", "retry"), [(Retryable("busy"), True), (Terminal("no"), False)])
def test_a_service_behind_a_plugin_that_fails_is_named_as_such(
    api: Api, approved: dict[str, Any], monkeypatch: pytest.MonkeyPatch, error: Exception, retry: bool
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("trilend_microfinance.contracts.service.seal_for_company", fail)
    answer = api.post(f"/applications/{approved['id']}/contract")
    assert (answer.status_code, answer.json["retry"], answer.json["detail"]) == (502, retry, str(error))
    assert rows_of(api.tenant, Loan) == 0


def test_a_loan_from_contract_to_collection(
    api: Api, approved: dict[str, Any], lender: Lender, session: Session, run_jobs: Callable[[], int]
) -> None:
    made = api.post(f"/applications/{approved['id']}/contract", key="contract-1")
    assert made.status_code == 201, made.text
    loan_id = made.json["id"]
    assert made.headers["Location"] == f"/api/v1/loans/{loan_id}"
    assert api.post(f"/applications/{approved['id']}/contract", key="contract-1").json == made.json
    assert api.get(f"/applications/{approved['id']}").json["loan_id"] == loan_id

    early = api.post("/disbursements", {"loan_ids": [loan_id]})
    assert (early.status_code, early.json["code"]) == (409, "not_ready_to_disburse")
    assert api.get(f"/loans/{loan_id}").json["contract"] == "open"
    planned = api.get(f"/loans/{loan_id}/schedule").json["items"]
    assert [(row["number"], row["outstanding"]) for row in planned[:2]] == [(1, "10661.85"), (2, "10661.85")]
    sign_as_borrower(session, loan_id)
    assert api.get(f"/loans/{loan_id}").json["contract"] == "completed"

    ordered = api.post("/disbursements", {"loan_ids": [loan_id]}, key="pay-1")
    assert (ordered.status_code, ordered.json["state"]) == (202, "queued")
    assert api.post("/disbursements", {"loan_ids": [loan_id]}, key="pay-1").json == ordered.json
    run_jobs()
    job = api.get(ordered.headers["Location"].removeprefix("/api/v1")).json
    assert (job["state"], job["progress"], job["result"]) == ("done", {"done": 1, "total": 1}, {"settled": 1})

    running = api.get(f"/loans/{loan_id}").json
    assert (running["state"], running["principal_outstanding"], running["next_due_amount"]) == (
        "active",
        "120000.00",
        "10661.85",
    )
    schedule = api.get(f"/loans/{loan_id}/schedule").json
    assert schedule["as_of"] == running["as_of"]
    assert [row["number"] for row in schedule["items"]] == list(range(1, 13))
    assert sum(Decimal(row["principal"]) for row in schedule["items"]) == Decimal("120000.00")
    (event,) = api.get(f"/loans/{loan_id}/events").json["items"]
    assert (event["kind"], event["amount"]) == ("disbursement", "120000.00")

    repay(session, lender, loan_id, "10661.85")
    collected = api.post("/collections")
    run_jobs()
    assert api.get(f"/jobs/{collected.json['id']}").json["result"]["assigned"] == 1
    newest, oldest = api.get(f"/loans/{loan_id}/events").json["items"]
    assert (newest["kind"], newest["amount"], oldest) == ("repayment", "10661.85", event)

    journals = api.get("/journals", source_type="loan", source_id=loan_id).json["items"]
    assert len(journals) == rows_of(api.tenant, Journal)
    for journal in journals:
        for side in ("debit", "credit"):
            assert sum(Decimal(line[side]) for line in journal["lines"]) == Decimal(journal["total"])
    balances = {item["account"]: item["balance"] for item in api.get("/balances").json["items"]}
    assert (balances["1303"], balances["1002"]) == ("120000.00", "-109338.15")
    assert sum(map(Decimal, balances.values())) == 0


def test_a_job_is_seen_by_those_who_may_start_it(
    api: Api, lender: Lender, program: Callable[..., Api], run_jobs: Callable[[], int]
) -> None:
    job_id = api.post("/collections").json["id"]
    cashier, reader = program(api.tenant, "payments:collect"), program(api.tenant, "loans:disburse", "loans:read")
    assert cashier.get(f"/jobs/{job_id}").json["state"] == "queued"
    assert reader.get(f"/jobs/{job_id}").json["code"] == "not_found"
    run_jobs()
    assert cashier.get(f"/jobs/{job_id}").json["finished_at"].endswith("Z")


def test_loans_that_do_not_exist_are_not_paid_out(api: Api, lender: Lender) -> None:
    for ids, status in (([1], 404), ([], 422), ([0], 422), (["1"], 422)):
        assert api.post("/disbursements", {"loan_ids": ids}).status_code == status
    assert api.get("/loans/1/events").status_code == 404
    assert api.get("/loans/1/schedule").status_code == 404
    assert rows_of(api.tenant, Job) == 0
