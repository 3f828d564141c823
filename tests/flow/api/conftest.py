"""What the tests of the interface share: a program of a company, and a way to speak for it."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select
from tests.numbers import new_card, new_mobile, new_resident_id
from werkzeug.test import Client, TestResponse

from trilend.audit.service import Actor
from trilend.identity.scopes import SCOPES
from trilend.identity.service import add_api_client, add_person
from trilend.parameters.service import business_date, set_parameter
from trilend.tenancy.context import bound, tenant_session

STAFF = Actor("管理员", 1)


@dataclass
class Api:
    """A program that has (or has not) got a token for one company's host."""

    browser: Client
    tenant: Any
    client_id: str
    secret: str
    token: str = ""

    def issue(self, **form: str) -> TestResponse:
        """Ask for a token with the credentials in the header."""
        pair = base64.b64encode(f"{self.client_id}:{self.secret}".encode()).decode()
        form = {"grant_type": "client_credentials"} | form
        return self.browser.post("/oauth/token", data=form, headers={"Authorization": f"Basic {pair}"})

    def get(self, path: str, **query: Any) -> TestResponse:
        """Read."""
        return self.browser.get(f"/api/v1{path}", query_string=query, headers=self._headers({}))

    def post(self, path: str, body: Any = None, *, key: str = "", **headers: str) -> TestResponse:
        """Write."""
        more = {"Idempotency-Key": key} if key else {}
        return self.browser.post(
            f"/api/v1{path}", json={} if body is None else body, headers=self._headers(headers | more)
        )

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Accept-Language": "en"} | more


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
