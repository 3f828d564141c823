"""One microfinance company with staff, customers and applications for all tests of what staff work with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD, HostClient
from tests.flow.test_background_work import signed_in
from tests.numbers import new_resident_id, new_uscc
from werkzeug.test import Client

from trilend.audit.service import Actor
from trilend.identity.service import add_person
from trilend.parties.models import PartyKind
from trilend.parties.service import PartyData, add_party
from trilend.tenancy.context import bound, tenant_session
from trilend_microfinance.applications.service import ApplicationData, submit
from trilend_microfinance.products.service import products

NAMES = ("张伟", "单雄信", "李秀兰", "欧阳娜娜", "王芳", "青山机械制造有限公司")
TODAY = date(2026, 3, 2)


@dataclass(frozen=True)
class Desk:
    """The company, its people by role, its customers by name, and its applications."""

    tenant: Any
    people: dict[str, Actor]
    customers: dict[str, int]
    applications: list[int]
    mobiles: dict[str, str]
    identifiers: dict[str, str]


@pytest.fixture(scope="module")
def desk(new_tenant: Callable[..., Any]) -> Desk:
    """Six customers and four applications, entered by the officer."""
    tenant = new_tenant()
    with bound(tenant):
        session = tenant_session()
        people = {role: _person(session, role) for role in ("Officer", "Approver", "Cashier", "Auditor")}
        customers, mobiles, identifiers = {}, {}, {}
        for number, name in enumerate(NAMES):
            is_person = "公司" not in name
            identifier = new_resident_id() if is_person else new_uscc()
            mobile = f"1381234{5000 + number:04d}"
            data = PartyData(
                PartyKind.PERSON if is_person else PartyKind.ORGANIZATION,
                name,
                identifier,
                mobile,
                f"12345678{number:04d}",
            )
            customers[name] = add_party(session, people["Officer"], data, on=TODAY).id
            mobiles[name], identifiers[name] = mobile, identifier
        product = products(session)[0]
        applications = [
            submit(
                session,
                people["Officer"],
                ApplicationData(party_id, product, Decimal(10_000 * number), 12, Decimal("0.12"), "进货", TODAY),
            ).id
            for number, party_id in enumerate(list(customers.values())[:4], start=1)
        ]
        session.commit()
    return Desk(tenant, people, customers, applications, mobiles, identifiers)


def _person(session: Session, role: str) -> Actor:
    mail = f"{role.lower()}@example.com"
    person = add_person(session, username=role.lower(), name=role, email=mail, password=PASSWORD, roles=[role])
    return Actor(role, person.id)


@pytest.fixture
def at_desk(desk: Desk) -> Iterator[Session]:
    """The company's session."""
    with bound(desk.tenant):
        yield tenant_session()


@pytest.fixture(scope="module")
def browsers(desk: Desk, application: Any) -> dict[str, Client]:
    """A browser in which each of the staff has signed in, by role."""
    host = f"{desk.tenant.slug}.localhost"
    return {
        role: signed_in(HostClient(application, host), "/login/?lang=en", role.lower())
        for role in ("Officer", "Approver", "Cashier")
    }
