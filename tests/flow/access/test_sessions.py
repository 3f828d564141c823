"""Sessions: listed, ended one by one or all, ended by time; a new device is told of by mail."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from tests.flow.access.conftest import Window, back_in_time, mails_to

from trilend.access.browser_sessions import sessions_of
from trilend.access.models import BrowserSession
from trilend.tenancy.context import tenant_session


def test_all_browsers_are_listed_with_device_address_and_times(
    window: Callable[[], Window], person: Callable[..., Any]
) -> None:
    name, here, there = person().username, window(), window()
    here.sign_in(name)
    there.sign_in(name)
    page = here.get("/account/").get_data(as_text=True)
    assert page.count("Chrome · Windows") == 2
    assert page.count("203.0.113.77") == 2
    assert "This browser" in page


def test_a_browser_that_was_ended_is_refused_at_its_next_request(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who, here, lost = person(), window(), window()
    lost.sign_in(who.username)
    here.sign_in(who.username)
    old = sessions_of(books, who.id)[-1]
    assert lost.get("/customers/").status_code == 200
    here.post(f"/account/sessions/{old.id}/end")
    answer = lost.get("/customers/")
    assert answer.status_code == 302
    assert "/login/" in answer.location
    assert here.is_in


def test_nobody_ends_the_sessions_of_somebody_else(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    victim, thief = person(), person()
    here, there = window(), window()
    here.sign_in(victim.username)
    there.sign_in(thief.username)
    there.post(f"/account/sessions/{sessions_of(books, victim.id)[0].id}/end")
    there.post(f"/sign-in/people/{victim.id}/sign-out")
    assert here.is_in


def test_all_others_are_signed_out_at_once(window: Callable[[], Window], person: Callable[..., Any]) -> None:
    name, browsers = person().username, [window() for _ in range(3)]
    for browser in browsers:
        browser.sign_in(name)
    browsers[0].post("/account/sessions/end-others")
    assert [browser.is_in for browser in browsers] == [True, False, False]


def test_an_administrator_signs_somebody_out(window: Callable[[], Window], person: Callable[..., Any]) -> None:
    who, browser, admin = person(), window(), window()
    browser.sign_in(who.username)
    admin.sign_in("admin")
    admin.post(f"/sign-in/people/{who.id}/sign-out")
    assert (browser.is_in, admin.is_in) == (False, True)


def test_signing_out_makes_a_stolen_cookie_worthless(window: Callable[[], Window], person: Callable[..., Any]) -> None:
    name, here, thief = person().username, window(), window()
    here.sign_in(name)
    cookie = here.client.get_cookie("trilend_tenant", domain=here.host)
    assert cookie
    thief.client.set_cookie("trilend_tenant", cookie.value, domain=here.host)
    assert thief.is_in
    here.get("/logout/")
    assert not thief.is_in


def test_signing_in_gives_the_browser_a_new_session(window: Callable[[], Window], person: Callable[..., Any]) -> None:
    name, here, planted = person().username, window(), window()
    here.get("/login/")
    cookie = here.client.get_cookie("trilend_tenant", domain=here.host)
    assert cookie
    planted.client.set_cookie("trilend_tenant", cookie.value, domain=here.host)
    here.sign_in(name)
    assert (here.is_in, planted.is_in) == (True, False)


@pytest.mark.parametrize(("column", "hours"), [("last_seen_at", 4.1), ("created_at", 24.1)])
def test_a_session_ends_by_idling_and_by_age(
    window: Callable[[], Window], person: Callable[..., Any], books: Session, column: str, hours: float
) -> None:
    who, browser = person(), window()
    browser.sign_in(who.username)
    mine, moved = BrowserSession.user_id == who.id, getattr(BrowserSession, column)
    back_in_time(books, moved, hours - 0.2, mine)
    assert browser.is_in
    back_in_time(books, moved, hours if column == "last_seen_at" else 0.2, mine)
    assert not browser.is_in


def test_a_browser_in_use_is_seen_once_a_minute(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who, browser = person(), window()
    browser.sign_in(who.username)
    first = sessions_of(books, who.id)[0].last_seen_at
    assert browser.is_in
    books.expire_all()
    assert sessions_of(books, who.id)[0].last_seen_at == first
    back_in_time(books, BrowserSession.last_seen_at, 0.1, BrowserSession.user_id == who.id)
    assert browser.is_in
    books.expire_all()
    assert sessions_of(books, who.id)[0].last_seen_at > first


def test_the_session_costs_no_query_of_its_own(window: Callable[[], Window], person: Callable[..., Any]) -> None:
    browser = window()
    browser.sign_in(person().username)
    asked: list[str] = []

    def note(_c: Any, _r: Any, statement: str, *_: Any) -> None:
        if "ab_user" in statement or "browser_session" in statement or "sign_in" in statement:
            asked.append(statement)

    from sqlalchemy import Engine

    event.listen(Engine, "before_cursor_execute", note)
    try:
        assert browser.get("/products/").status_code == 200
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    # Who is there, and what the person may do: the latter reads the roles only.
    assert len([statement for statement in asked if "browser_session" in statement]) == 1
    looked = [statement for statement in asked if "FROM ab_user " in statement and "role_scope" not in statement]
    assert len(looked) == 1


def test_somebody_who_leaves_is_out_at_the_next_request(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who, browser = person(), window()
    browser.sign_in(who.username)
    who.active = False
    books.commit()
    assert not browser.is_in


def test_a_new_device_is_told_of_and_a_known_one_is_not(
    window: Callable[[], Window], person: Callable[..., Any], run_jobs: Callable[[], int]
) -> None:
    who, usual, new = person(), window(), window()
    mail, name = who.email, who.username
    usual.sign_in(name)
    usual.get("/logout/")
    usual.sign_in(name)
    run_jobs()
    assert mails_to(mail) == []
    new.sign_in(name)
    run_jobs()
    (told,) = mails_to(mail)
    assert "Chrome · Windows" in told.body
    assert "203.0.113.77" in told.body


def test_a_session_of_one_company_is_unknown_in_another(
    window: Callable[[], Window], company: Any, tenant: Any, application: Any, installation: Any
) -> None:
    """Even with the row copied and a cookie signed for it: only who has both databases' secrets could do that."""
    here, there = window(), Window(application, f"{tenant.slug}.localhost")
    here.sign_in("admin")
    there.sign_in("admin")
    mine = here.client.get_cookie("trilend_tenant", domain=here.host)
    assert mine
    there.client.set_cookie("trilend_tenant", mine.value, domain=there.host)
    assert not there.is_in
    with psycopg.connect(installation.database.superuser_url, autocommit=True) as superuser:
        columns = "digest, user_id, device, device_digest, address, method, last_seen_at, confirmed_at"
        superuser.execute(
            f"INSERT INTO {tenant.schema}.browser_session ({columns}) SELECT {columns}"
            f" FROM {company.schema}.browser_session WHERE user_id = 1".encode()
        )
    assert not there.is_in


def test_a_browser_that_is_signed_out_stays_in_the_list(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who, browser = person(), window()
    browser.sign_in(who.username)
    browser.get("/logout/")
    ended = tenant_session.scalars(select(BrowserSession).where(BrowserSession.user_id == who.id)).one()
    assert ended.ended_at is not None
