"""A company whose people sign in, and browsers to do it with."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD, HostClient
from tests.flow.access.provider import OpenIdProvider, running

from trilend.access.models import SignInRules
from trilend.access.rules import default_rules
from trilend.db.base import now
from trilend.identity.service import add_person
from trilend.messages.service import recent
from trilend.tenancy.context import bound, tenant_session

_CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
HEADERS = {"User-Agent": WINDOWS, "Accept-Language": "en"}
ADDRESS = {"REMOTE_ADDR": "203.0.113.77"}


class Window:
    """Somebody's browser at the company's address."""

    def __init__(self, application: Any, host: str, port: int = 8000) -> None:
        self.host = host
        self.client = HostClient(application, host)
        self.client._base_url = f"http://{host}:{port}"

    def get(self, path: str, **options: Any) -> Any:
        return self.client.get(path, headers=HEADERS, environ_overrides=ADDRESS, **options)

    def post(self, path: str, *, page: str = "", **data: Any) -> Any:
        """Send a form as the page `page` would."""
        return self.client.post(
            path,
            data={"csrf_token": self.token(page)} | data,
            headers=HEADERS,
            environ_overrides=ADDRESS,
        )

    def post_json(self, path: str, content: dict[str, Any]) -> Any:
        """Send what the page's script would."""
        headers = HEADERS | {"X-CSRFToken": self.token("")}
        return self.client.post(path, json=content, headers=headers, environ_overrides=ADDRESS)

    def token(self, page: str) -> str:
        found = _CSRF.search(self.get(page or "/login/forgot").get_data(as_text=True))
        assert found
        return found[1]

    def sign_in(self, username: str, password: str = PASSWORD, **options: Any) -> Any:
        return self.post("/login/", username=username, password=password, **options)

    @property
    def is_in(self) -> bool:
        """Whether this browser is signed in."""
        return bool(self.get("/account/").status_code == 200)


@pytest.fixture(scope="module")
def company(new_tenant: Callable[..., Any]) -> Any:
    """One company for all tests of a module."""
    return new_tenant(name="青山小额贷款有限公司")


@pytest.fixture
def books(company: Any) -> Iterator[Session]:
    """The company's session."""
    with bound(company):
        yield tenant_session()


@pytest.fixture
def window(application: Any, company: Any) -> Callable[[], Window]:
    """Opens a browser at the company."""
    return lambda: Window(application, f"{company.slug}.localhost")


@pytest.fixture
def person(books: Session) -> Callable[..., Any]:
    """Adds somebody to the company; each has a name of its own."""
    count = 0

    def add(role: str = "Officer", username: str = "") -> Any:
        nonlocal count
        count += 1
        name = username or f"p{now().timestamp():.6f}".replace(".", "")
        made = add_person(
            books, username=name, name="李明", email=f"{name}@example.com", password=PASSWORD, roles=[role]
        )
        books.commit()
        return made

    return add


@pytest.fixture(scope="session")
def provider(installation: Any) -> Iterator[OpenIdProvider]:
    """One OpenID provider for all tests of this worker."""
    with running() as provider:
        yield provider


def back_in_time(session: Session, column: Any, hours: float, *conditions: Any) -> None:
    """Move an instant of rows into the past, as if that time had gone by."""
    model = column.class_
    for row in session.scalars(select(model).where(*conditions)):
        setattr(row, column.key, getattr(row, column.key) - timedelta(hours=hours))
    session.commit()


@contextmanager
def passwords_off(session: Session) -> Iterator[None]:
    """A company that signs in by its own service only, as if it had switched passwords off just now."""
    rules = default_rules()
    rules.passwords_allowed = False
    session.add(rules)
    session.commit()
    try:
        yield
    finally:
        session.rollback()
        session.delete(session.get_one(SignInRules, 1))
        session.commit()


def mails_to(address: str) -> list[Any]:
    """Messages to an address, newest first."""
    return [message for message in recent(100) if message.recipient == address]
