"""What the tests of the interface share: a program of a company, and a way to speak for it."""

import secrets
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from tests.conftest import PASSWORD
from tests.flow.api.asking import BACK, READ, Asking, sign_in
from tests.flow.api.programs import Api
from tests.numbers import new_card, new_mobile, new_resident_id
from werkzeug.test import Client

from trilend.audit.service import Actor
from trilend.identity.models import ProgramKind
from trilend.identity.scopes import SCOPES
from trilend.identity.service import add_api_client, add_person
from trilend.parameters.service import business_date, set_parameter
from trilend.tenancy.context import bound, tenant_session

STAFF = Actor("管理员", 1)


@pytest.fixture
def program(browse: Callable[[str], Client]) -> Callable[..., Api]:
    """Adds a program to a company; with a token unless told otherwise."""

    def make(tenant: Any, *scopes: str, signed_in: bool = True) -> Api:
        with bound(tenant):
            client, secret = add_api_client(tenant_session(), STAFF, name="ERP", scopes=scopes or tuple(SCOPES))
            client_id = client.client_id
            tenant_session.commit()
        api = Api(browse(f"{tenant.slug}.localhost"), tenant, client_id, secret)
        if signed_in:
            answer = api.issue()
            assert answer.status_code == 200, answer.text
            api.token = answer.json["access_token"]
        return api

    return make


@pytest.fixture
def api(program: Callable[..., Api], tenant: Any) -> Api:
    """A program of the test's own company that may do everything."""
    return program(tenant)


@pytest.fixture
def customer() -> dict[str, str]:
    """A person's data that pass all checks."""
    return {
        "kind": "person",
        "name": "李小明",
        "identifier": new_resident_id(),
        "mobile": new_mobile(),
        "account_number": new_card(),
        "account_bank": "中国工商银行",
    }


@pytest.fixture
def net_assets(tenant: Any) -> None:
    """The figure without which the limit of a single borrower cannot be checked."""
    with bound(tenant):
        session = tenant_session()
        set_parameter(
            session,
            STAFF,
            name="net_assets",
            value=Decimal(50_000_000),
            unit="yuan",
            effective_from=business_date(session),
        )
        session.commit()


@pytest.fixture
def asked(api: Api, customer: dict[str, str]) -> dict[str, Any]:
    """What a recorded customer asks for."""
    party = api.post("/parties", customer).json
    return {
        "party_id": party["id"],
        "product": "P01",
        "amount": "50000.00",
        "periods": 12,
        "annual_rate": "0.18",
        "purpose": "进货",
    }


@pytest.fixture
def approver(tenant: Any) -> Actor:
    """A person who may decide."""
    with bound(tenant):
        person = add_person(
            tenant_session(),
            username="approver",
            name="王审批",
            email="approver@example.com",
            password="correct horse battery",
            roles=["Approver"],
        )
        tenant_session.commit()
        return Actor("王审批", person.id)


def rows_of(tenant: Any, model: Any) -> int:
    """How many rows a table of the company has."""
    with bound(tenant):
        return len(tenant_session.scalars(select(model)).all())


@pytest.fixture(scope="module")
def company(new_tenant: Callable[..., Any]) -> Any:
    return new_tenant()


@pytest.fixture
def asking(company: Any, browse: Callable[[str], Client]) -> Callable[..., Asking]:
    """A program of the company, at the browser of somebody who is signed in."""

    def make(
        *,
        kind: ProgramKind = ProgramKind.WEB,
        scopes: Sequence[str] = (*READ, "parties:write"),
        person: str = "admin",
        addresses: Sequence[str] = (BACK,),
    ) -> Asking:
        with bound(company):
            client, secret = add_api_client(
                tenant_session(), STAFF, name="账簿助手", scopes=scopes, kind=kind, redirect_uris=addresses
            )
            client_id = client.client_id
            tenant_session.commit()
        browser = browse(f"{company.slug}.localhost")
        if person:
            sign_in(browser, person)
        return Asking(browser, company, client_id, secret)

    return make


@pytest.fixture
def officer(company: Any) -> str:
    """Somebody who records customers and may not see the books."""
    name = f"officer-{secrets.token_hex(4)}"
    with bound(company):
        session = tenant_session()
        mail = f"{name}@example.com"
        add_person(session, username=name, name="林信贷", email=mail, password=PASSWORD, roles=["Officer"])
        session.commit()
    return name
