"""A program at a company's interface."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.test import Client, TestResponse


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
