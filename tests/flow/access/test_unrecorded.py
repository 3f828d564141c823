"""Signing in while the space cannot be written: locks hold, tries are counted, and no answer confirms a guess."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD
from tests.flow.access.conftest import Window
from tests.flow.access.test_second_factor import set_up

from trilend.access import lockout, unrecorded
from trilend.access.models import Failures
from trilend.config import settings
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.door import Reason
from trilend.tenancy.models import Door, Tenant
from trilend.tenancy.service import forget_tenants


def set_door(company: Any, door: Door, reason: str) -> None:
    with RegistrySession() as registry:
        registry.execute(update(Tenant).where(Tenant.id == company.id).values(door=door, door_reason=reason))
        registry.commit()
    forget_tenants()


@pytest.fixture
def move(company: Any) -> Iterator[Callable[[], None]]:
    """Begins to move the company: from then on nothing can be written."""
    yield lambda: set_door(company, Door.READ_ONLY, Reason.MOVING)
    set_door(company, Door.OPEN, "")


def answer_to(window: Window, name: str, password: str) -> tuple[int, bool]:
    """Status, and whether the sentence is the one for both."""
    answer = window.sign_in(name, password)
    return answer.status_code, "or you sign in with a second step" in answer.get_data(as_text=True)


def test_a_password_lets_in_to_read_and_tries_are_counted(
    window: Callable[[], Window], person: Callable[..., Any], move: Callable[[], None]
) -> None:
    name, other = person().username, person().username
    move()
    reader = window()
    assert reader.sign_in(name).status_code == 302
    assert reader.get("/customers/").status_code == 200
    for asked in (name, "nobody-while-moving"):
        assert [answer_to(window(), asked, "wrong") for _ in range(5)] == [(401, True)] * 5
        locked = window().sign_in(asked, PASSWORD)
        assert locked.status_code == 429
        assert "Wait 60 min" in locked.get_data(as_text=True)
    assert window().sign_in(other).status_code == 302


def test_a_right_password_that_is_not_enough_answers_as_a_wrong_one(
    window: Callable[[], Window], person: Callable[..., Any], move: Callable[[], None]
) -> None:
    who, browser = person().username, window()
    browser.sign_in(who)
    set_up(browser)
    move()
    assert [answer_to(window(), who, PASSWORD if right else "wrong") for right in (1, 0, 1, 0, 1)] == [(401, True)] * 5
    # The right ones have not started the count anew.
    assert window().sign_in(who).status_code == 429


def test_a_lock_from_before_holds(
    window: Callable[[], Window], person: Callable[..., Any], move: Callable[[], None], books: Session
) -> None:
    who = person()
    name, key = who.username, lockout.account_key(who.id)
    assert [window().sign_in(name, "wrong").status_code for _ in range(5)] == [401] * 5
    move()
    assert window().sign_in(name).status_code == 429
    books.expire_all()
    assert books.scalars(select(Failures.count).where(Failures.key == key)).one() == 5


def test_nobody_is_let_in_while_nothing_can_count(
    window: Callable[[], Window], person: Callable[..., Any], move: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, browser = person().username, window()
    move()
    browser.token("")
    monkeypatch.setenv("TRILEND_VALKEY_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    unrecorded._valkey.cache_clear()
    try:
        said = {browser.sign_in(name, password).status_code for password in (PASSWORD, "wrong")}
        assert (said, browser.is_in) == ({503}, False)
    finally:
        monkeypatch.undo()
        settings.cache_clear()
        unrecorded._valkey.cache_clear()


def test_counts_of_one_company_are_not_those_of_another(
    application: Any, tenant: Any, window: Callable[[], Window], company: Any, move: Callable[[], None]
) -> None:
    """Both have an `admin`, the first account of each."""
    move()
    set_door(tenant, Door.READ_ONLY, Reason.MOVING)
    assert [window().sign_in("admin", "wrong").status_code for _ in range(6)] == [401] * 5 + [429]
    assert Window(application, f"{tenant.slug}.localhost").sign_in("admin").status_code == 302
