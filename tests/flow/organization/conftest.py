"""One company with three departments, people in each, and a customer, an application and a loan for each officer."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.flow.lending import add_staff
from tests.numbers import new_card, new_mobile, new_resident_id

from trilend.audit.service import SYSTEM, Actor
from trilend.organization.departments import add_department
from trilend.organization.models import ROOT
from trilend.organization.people import place_person
from trilend.parameters.service import business_date
from trilend.parties.models import PartyKind
from trilend.parties.service import PartyData, add_party
from trilend.tenancy.context import BoundTenant, bound, tenant_session
from trilend_microfinance.applications.models import Application, ApplicationState
from trilend_microfinance.applications.service import ApplicationData, submit
from trilend_microfinance.products.service import default_products
from trilend_microfinance.servicing.models import Loan, LoanEvent


@dataclass(frozen=True)
class File:
    """What hangs on one customer, by id, and what it is called."""

    party: int
    application: int
    loan: int
    name: str
    identifier: str
    numbers: tuple[str, str]


@dataclass(frozen=True)
class Branches:
    """East with a team below it, and West; an officer with a file in each."""

    tenant: BoundTenant
    east: int
    team: int
    west: int
    officers: dict[str, Actor]
    files: dict[str, File]


def new_file(session: Session, officer: Actor, name: str) -> File:
    """A customer of an officer with an application and a loan; does not commit."""
    identifier = new_resident_id()
    data = PartyData(PartyKind.PERSON, name, identifier, new_mobile(), new_card(), "示范银行")
    party = add_party(session, officer, data, on=business_date(session))
    asked = ApplicationData(
        party_id=party.id,
        product=default_products(session)["annuity"],
        amount=Decimal("50000.00"),
        periods=12,
        annual_rate=Decimal("0.12"),
        purpose="经营周转",
        applied_on=business_date(session),
    )
    application = submit(session, officer, asked)
    loan = _loan(session, application)
    return File(party.id, application.id, loan.id, name, identifier, (application.number, loan.number))


def _loan(session: Session, application: Application) -> Loan:
    """A loan as its contract makes it: contracts themselves are made elsewhere, by a seal that this needs not."""
    application.state = ApplicationState.CONTRACTED
    loan = Loan(
        number=f"DK99{application.id:06d}",
        application_id=application.id,
        party_id=application.party_id,
        principal=application.amount,
        annual_rate=application.annual_rate,
        periods=12,
        method="annuity",
        day_count="thirty_360",
        interest_unit="per_period",
        rounding_mode="half_up",
        rounding_places=2,
        holiday_rule="keep",
        penalty_rate=Decimal("0.18"),
        grace_days=0,
        contracted_on=date(2026, 1, 5),
    )
    session.add(loan)
    session.flush()
    event = {"amount": loan.principal, "value_date": date(2026, 1, 5), "business_date": date(2026, 1, 5)}
    session.add(LoanEvent(key=f"test:{loan.id}", loan_id=loan.id, kind="disbursement", **event))
    session.flush()
    return loan


@pytest.fixture(scope="module")
def branches(new_tenant: Any) -> Branches:
    """A company of its own for each module."""
    tenant = new_tenant()
    with bound(tenant):
        session = tenant_session()
        east = add_department(session, SYSTEM, name="东区", parent_id=ROOT).id
        team = add_department(session, SYSTEM, name="东区一组", parent_id=east).id
        west = add_department(session, SYSTEM, name="西区", parent_id=ROOT).id
        officers, files = {}, {}
        places = {"lead": (east, "东方磊"), "member": (team, "王小东"), "other": (west, "西门雪")}
        for username, (department, name) in places.items():
            officers[username] = add_staff(session, username, name, "Officer")
            place_person(
                session, SYSTEM, officers[username].user_id or 0, department_id=department, position="客户经理"
            )
        for username, officer in officers.items():
            files[username] = new_file(session, officer, f"客户{username}")
        session.commit()
        return Branches(tenant, east, team, west, officers, files)


@pytest.fixture
def space(branches: Branches) -> Iterator[Session]:
    """The session of the company; what is not committed is gone afterwards."""
    with bound(branches.tenant):
        yield tenant_session()


def ids(session: Session, model: Any) -> set[int]:
    """The ids of all rows of a model that are seen."""
    return set(session.scalars(select(model.id)))
