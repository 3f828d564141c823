"""A program that wants to act for people, at the browser of one of them."""

import base64
import re
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sqlalchemy import select
from tests.conftest import PASSWORD
from tests.flow.api.programs import Api
from werkzeug.test import Client, TestResponse

from trilend.identity.models import ApiClient, ApiGrant
from trilend.tenancy.context import bound, tenant_session

BACK = "https://books.example/callback"
READ = ("parties:read", "ledger:read")


@dataclass
class Asking:
    """A program that wants to act for people of a company, in the middle of asking."""

    browser: Client
    tenant: Any
    client_id: str
    secret: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def query(self, **other: str) -> dict[str, str]:
        """A request as the program would send it; an empty value leaves a parameter out."""
        challenge = base64.urlsafe_b64encode(sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": BACK,
            "scope": " ".join(READ),
            "state": "state-1",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        } | other
        return {name: value for name, value in asked.items() if value}

    def open(self, **other: str) -> TestResponse:
        """The page, as the person sees it."""
        return self.browser.get("/authorize/", query_string=self.query(**other))

    def decide(self, decision: str, **other: str) -> TestResponse:
        """Press one of the two buttons."""
        page = self.open(**other).text
        token = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert token, page
        form = {"csrf_token": token[1], "decision": decision}
        return self.browser.post("/authorize/", query_string=self.query(**other), data=form)

    def code(self, **other: str) -> str:
        """The code that the program gets when the person allows it."""
        return answered(self.decide("allow", **other))["code"]

    def ask_token(self, **form: str) -> TestResponse:
        """The token endpoint, with the program's credentials as its kind has them."""
        mine = {"client_id": self.client_id} | ({"client_secret": self.secret} if self.secret else {})
        return self.browser.post("/oauth/token", data=mine | form)

    def exchange(self, code: str, /, **form: str) -> TestResponse:
        """Exchange a code."""
        sent = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": self.verifier}
        return self.ask_token(**{name: value for name, value in (sent | form).items() if value})

    def refresh(self, token: str, **form: str) -> TestResponse:
        """Exchange a refresh token."""
        return self.ask_token(grant_type="refresh_token", refresh_token=token, **form)

    def tokens(self) -> dict[str, Any]:
        """The whole way, as a person who agrees takes it."""
        answer = self.exchange(self.code())
        assert answer.status_code == 200, answer.text
        return dict(answer.json)

    def api(self, access_token: str) -> Api:
        """The program at the API."""
        return Api(self.browser, self.tenant, self.client_id, self.secret, access_token)


_signed_in: dict[tuple[str, str], Any] = {}


def sign_in(browser: Client, username: str, *, shared: bool = True) -> None:
    """Sign somebody in, whoever was before; all browsers of one company share the session of a person."""
    key = (browser._base_url, username)  # type: ignore[attr-defined]
    browser._cookies.clear()  # type: ignore[attr-defined]
    if shared and key in _signed_in:
        browser._cookies.update(_signed_in[key])  # type: ignore[attr-defined]
        return
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/login/").text)
    assert token
    entered = {"username": username, "password": PASSWORD, "csrf_token": token[1]}
    assert browser.post("/login/", data=entered).status_code == 302
    if shared:
        _signed_in[key] = dict(browser._cookies)  # type: ignore[attr-defined]


def answered(response: TestResponse) -> dict[str, str]:
    """What the redirect back to the program says."""
    assert response.status_code == 302, response.text
    address = response.headers["Location"]
    assert address.startswith(BACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def held(company: Any, model: Any, client_id: str) -> list[Any]:
    """Rows of a program's grants."""
    with bound(company):
        statement = select(model).join(ApiGrant).join(ApiClient, ApiClient.id == ApiGrant.client_id)
        return list(tenant_session.scalars(statement.where(ApiClient.client_id == client_id)))


def grants(company: Any, client_id: str) -> list[ApiGrant]:
    with bound(company):
        found = select(ApiGrant).join(ApiClient).where(ApiClient.client_id == client_id)
        return list(tenant_session.scalars(found))


def csrf(browser: Client) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', browser.get("/customers/new").text)
    assert found
    return found[1]
