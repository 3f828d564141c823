"""Applications for loans, for programs: submit, read with the checks of law, decide, put under contract."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext as _l
from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from trilend.api.fields import Answer, Body, Day, Figure, Instant, Key, Line, Money, Rate
from trilend.api.operations import Call, Resource
from trilend.api.paging import Page, PageQuery, days_within, page_of
from trilend.parameters.errors import ParameterMissing
from trilend.parameters.service import business_date
from trilend.parties.models import Party
from trilend_microfinance.api.loans import LoanAnswer, loan_answer
from trilend_microfinance.api.products import offered_product
from trilend_microfinance.applications import service
from trilend_microfinance.applications.errors import InvalidApplication
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.contracts.service import make_contract
from trilend_microfinance.products.models import Product
from trilend_microfinance.servicing.lookup import loan_of_application
from trilend_microfinance.servicing.service import loan

APPLICATIONS = Resource("applications", _l("Applications for loans, from submission to contract."))


class ApplicationQuery(PageQuery):
    """Which applications."""

    state: ApplicationState | None = None
    party_id: Key | None = None
    number: Line = Field("", max_length=32)
    product: Line = Field("", max_length=16, description="code of a product")
    applied_from: Day | None = None
    applied_to: Day | None = Field(None, description="this day included")


class NewApplication(Body):
    """What is asked for. `number` is for programs with numbers of their own; without it one is given."""

    model_config = {
        "json_schema_extra": {
            "example": {
                "party_id": 17,
                "product": "P01",
                "amount": "50000.00",
                "periods": 12,
                "annual_rate": "0.18",
                "purpose": "进货",
                "applied_on": "2026-01-31",
            }
        }
    }

    party_id: Key
    product: Line = Field(max_length=16, description="code of a product on offer")
    amount: Money
    periods: int = Field(ge=1, le=600, description="months")
    annual_rate: Rate
    purpose: Line = Field(min_length=1, max_length=200)
    applied_on: date | None = Field(None, description="today's business date if left out")
    number: Line = Field("", max_length=32)


class Approval(Body):
    """A remark on an approval."""

    note: Line = Field("", max_length=500)


class Refusal(Body):
    """Why an application is refused."""

    note: Line = Field(min_length=1, max_length=500)


class CheckAnswer(Answer):
    """A limit of law; its three figures share a unit: yuan, or a rate as a fraction."""

    rule: str
    basis: str
    cap: Figure
    used: Figure
    requested: Figure
    passes: bool


class ApplicationAnswer(Answer):
    """An application; `block_rule` names a limit that stood in the way of its approval."""

    id: int
    number: str
    party_id: int
    party_name: str
    product: str
    amount: Money
    periods: int
    annual_rate: Rate
    purpose: str
    applied_on: date
    state: ApplicationState
    decided_at: Instant | None
    decision_note: str
    block_rule: str
    created_at: Instant


class ApplicationDetail(ApplicationAnswer):
    """An application with its checks: those of the decision, or as they would be today."""

    checks: list[CheckAnswer]
    figure_missing: str | None = Field(description="the parameter that has to be set before the checks can be made")
    loan_id: int | None


@APPLICATIONS.get("/applications", scope="applications:read", summary=_l("List applications"))
def list_applications(call: Call, query: ApplicationQuery) -> Page[ApplicationAnswer]:
    """Newest first."""
    statement = select(Application).options(joinedload(Application.party), joinedload(Application.product))
    if query.state is not None:
        statement = statement.where(Application.state == query.state)
    if query.party_id is not None:
        statement = statement.where(Application.party_id == query.party_id)
    if query.number:
        statement = statement.where(Application.number == query.number)
    if query.product:
        statement = statement.where(Application.product.has(Product.code == query.product))
    statement = statement.where(*days_within(Application.applied_on, query, "applied_from", "applied_to"))
    return page_of(call.session, statement, Application.id, query, _shown)


@APPLICATIONS.get("/applications/{application_id}", scope="applications:read", summary=_l("Read an application"))
def read_application(call: Call, application_id: int) -> ApplicationDetail:
    """With the limits of law."""
    return _detail(call.session, service.application(call.session, application_id))


@APPLICATIONS.post(
    "/applications",
    scope="applications:write",
    summary=_l("Submit an application"),
    status=201,
    location="/applications/{id}",
)
def submit_application(call: Call, body: NewApplication) -> ApplicationDetail:
    """Refused with `invalid_application` if the product does not allow it, `number_taken` if the number is in use."""
    session = call.session
    if session.scalar(select(Party.id).where(Party.id == body.party_id)) is None:
        raise InvalidApplication("party_id", _l("This customer does not exist."))
    asked = service.ApplicationData(
        party_id=body.party_id,
        product=offered_product(session, body.product),
        amount=body.amount,
        periods=body.periods,
        annual_rate=body.annual_rate,
        purpose=body.purpose,
        applied_on=body.applied_on or business_date(session),
        number=body.number,
    )
    made = service.submit(session, call.actor, asked)
    return _detail(session, service.application(session, made.id))


@APPLICATIONS.post(
    "/applications/{application_id}/approve", scope="applications:decide", summary=_l("Approve an application")
)
def approve_application(call: Call, application_id: int, body: Approval) -> ApplicationDetail:
    """Refused with `second_person_needed` unless the program acts for a person who did not enter the application.

    A program that acts for the company is no person.
    """
    service.approve(call.session, call.actor, application_id, body.note)
    return _detail(call.session, service.application(call.session, application_id))


@APPLICATIONS.post(
    "/applications/{application_id}/refuse", scope="applications:decide", summary=_l("Refuse an application")
)
def refuse_application(call: Call, application_id: int, body: Refusal) -> ApplicationDetail:
    """Refused itself with `second_person_needed`, as an approval is."""
    service.refuse(call.session, call.actor, application_id, body.note)
    return _detail(call.session, service.application(call.session, application_id))


@APPLICATIONS.post(
    "/applications/{application_id}/contract",
    scope="contracts:write",
    summary=_l("Make the contract"),
    status=201,
    location="/loans/{id}",
)
def make_loan_contract(call: Call, application_id: int) -> LoanAnswer:
    """Makes loan and contract of an approved application, seals it for the company and sends the borrower the link."""
    made = make_contract(call.session, call.actor, application_id)
    return loan_answer(loan(call.session, made.id))


def _shown(rows: Sequence[Application]) -> list[ApplicationAnswer]:
    return [ApplicationAnswer(**_values(row)) for row in rows]


def _detail(session: Session, row: Application) -> ApplicationDetail:
    checks, missing = _checks(session, row)
    made = loan_of_application(session, row.id)
    return ApplicationDetail(**_values(row), checks=checks, figure_missing=missing, loan_id=made.id if made else None)


def _checks(session: Session, row: Application) -> tuple[list[CheckAnswer], str | None]:
    if row.state != ApplicationState.SUBMITTED:
        return [_kept_check(entry) for entry in row.checks], None
    try:
        found = service.evaluate(session, row)
    except ParameterMissing as error:
        return [], error.details["name"]
    return [_kept_check(service.as_json(check)) for check in found], None


def _kept_check(entry: dict[str, Any]) -> CheckAnswer:
    figures = {name: Decimal(str(entry[name])) for name in ("cap", "used", "requested")}
    return CheckAnswer.model_validate(entry | figures)


def _values(row: Application) -> dict[str, Any]:
    return {
        "id": row.id,
        "number": row.number,
        "party_id": row.party_id,
        "party_name": row.party.name,
        "product": row.product.code,
        "amount": row.amount,
        "periods": row.periods,
        "annual_rate": row.annual_rate,
        "purpose": row.purpose,
        "applied_on": row.applied_on,
        "state": row.state,
        "decided_at": row.decided_at,
        "decision_note": row.decision_note,
        "block_rule": row.block_rule,
        "created_at": row.created_at,
    }
