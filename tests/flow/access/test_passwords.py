"""Passwords: wrong ones lock for a while, weak ones are not taken, temporary and forgotten ones are replaced."""

import re
import statistics
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD
from tests.flow.access.conftest import Window, back_in_time, mails_to

from trilend.access import lockout
from trilend.access.errors import UnfitPassword
from trilend.access.models import BrowserSession, Failures, SignInAccount, Ticket
from trilend.access.passwords import check_rules
from trilend.audit.models import AuditEntry
from trilend.config import settings

NEW = "green tea on the terrace"


def fail(window: Window, name: str, times: int) -> list[int]:
    return [window.sign_in(name, "wrong password").status_code for _ in range(times)]


def test_the_sixth_try_is_refused_even_with_the_right_password(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    name, browser = person().username, window()
    assert fail(browser, name, 5) == [401] * 5
    answer = browser.sign_in(name)
    assert (answer.status_code, browser.is_in) == (429, False)
    assert "Too many failed tries. Wait 1 min" in answer.get_data(as_text=True)
    assert books.scalars(select(AuditEntry).where(AuditEntry.act == "sign_in.locked")).all()
    # Another browser of the same person is locked out as well, somebody else is not.
    assert window().sign_in(name).status_code == 429
    assert window().sign_in(person().username).status_code == 302


def test_the_lock_ends_by_itself_and_the_next_one_is_twice_as_long(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who, browser = person(), window()
    key = lockout.account_key(who.id)
    fail(browser, who.username, 5)
    lengths = []
    for _ in range(8):
        books.expire_all()
        row = books.get_one(Failures, key)
        lengths.append(round((row.locked_until - row.last_at).total_seconds() / 60))  # type: ignore[operator]
        back_in_time(books, Failures.locked_until, 2, Failures.key == key)
        assert fail(browser, who.username, 1) == [401]
    assert lengths == [1, 2, 4, 8, 16, 32, 60, 60]
    back_in_time(books, Failures.locked_until, 2, Failures.key == key)
    assert browser.sign_in(who.username).status_code == 302
    books.expire_all()
    assert books.get(Failures, key) is None


def test_a_hundred_tries_at_once_are_a_hundred(books: Session, company: Any) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from trilend.access.errors import TooManyTries
    from trilend.tenancy.context import TenantSession, bound

    def attempt(_: int) -> bool:
        with bound(company), TenantSession() as own:
            try:
                lockout.count_try(own, "account:4711", lockout.PER_ACCOUNT)
            except TooManyTries:
                return False
            own.commit()
            return True

    with ThreadPoolExecutor(4) as pool:
        let_through = list(pool.map(attempt, range(40)))
    assert let_through.count(True) == 5


def test_a_name_that_nobody_has_answers_and_locks_alike(
    window: Callable[[], Window], person: Callable[..., Any]
) -> None:
    known, browser = person().username, window()
    answers = {}
    for name in (known, "nobody-of-this-name"):
        texts = [browser.sign_in(name, "wrong password") for _ in range(6)]
        answers[name] = [
            (answer.status_code, re.sub(rf'value="[^"]*"|content="[^"]*"|{name}', "", answer.get_data(as_text=True)))
            for answer in texts
        ]
    assert answers[known] == answers["nobody-of-this-name"]


def test_a_name_that_nobody_has_takes_as_long(books: Session, person: Callable[..., Any]) -> None:
    from trilend.access.errors import WrongSignIn
    from trilend.access.service import check_password

    spent: dict[str, list[float]] = {"known": [], "unknown": []}
    for number in range(8):
        for sort, name in (("known", person().username), ("unknown", f"nobody-{number}")):
            begun = time.thread_time()
            with pytest.raises(WrongSignIn):
                check_password(books, name, "wrong password", f"10.1.1.{number}")
            spent[sort].append(time.thread_time() - begun)
    known, unknown = statistics.median(spent["known"]), statistics.median(spent["unknown"])
    assert 0.7 < known / unknown < 1.4, (known, unknown)


def test_somebody_who_has_left_looks_like_nobody(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who = person()
    who.active = False
    books.commit()
    answer = window().sign_in(who.username)
    assert answer.status_code == 401
    assert "The user name or the password is wrong" in answer.get_data(as_text=True)


def test_an_address_that_tries_many_names_is_locked(
    window: Callable[[], Window], person: Callable[..., Any], books: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRILEND_PROXIES_IN_FRONT", "1")
    settings.cache_clear()
    try:
        for _ in range(lockout.PER_ADDRESS.free):
            lockout.count_try(books, lockout.address_key("203.0.113.9"), lockout.PER_ADDRESS)
        books.commit()
        name, browser = person().username, window()

        def sign_in(seen: str) -> int:
            data = {"csrf_token": browser.token(""), "username": name, "password": PASSWORD}
            return int(browser.client.post("/login/", data=data, headers={"X-Forwarded-For": seen}).status_code)

        assert sign_in("203.0.113.9") == 429
        # What a browser writes there itself stands further left and helps nobody.
        assert sign_in("198.51.100.1, 203.0.113.9") == 429
        assert sign_in("203.0.113.9, 198.51.100.1") == 302
    finally:
        monkeypatch.undo()
        settings.cache_clear()


def test_an_administrator_lifts_the_lock(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who, admin, officer = person(), window(), window()
    fail(window(), who.username, 5)
    officer.sign_in(person().username)
    assert officer.post(f"/sign-in/people/{who.id}/unlock").status_code in (302, 403)
    assert window().sign_in(who.username).status_code == 429
    admin.sign_in("admin")
    assert "Locked" in admin.get("/sign-in/").get_data(as_text=True)
    admin.post(f"/sign-in/people/{who.id}/unlock")
    assert window().sign_in(who.username).status_code == 302


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("tooshort1", "at least 10"),
        ("password1234", "easy to guess"),
        ("1qaz2wsx3edc", "easy to guess"),
        ("12345678901234", "easy to guess"),
        ("LiMing-is-my-own", "your name"),
        ("绿水长流青山小额不老", "name of the company"),
        ("x" * 129, "at most 128"),
    ],
)
def test_a_weak_password_is_not_taken(password: str, why: str, application: Any) -> None:
    with pytest.raises(UnfitPassword) as refused:
        check_rules(password, least=10, names=["liming", "青山小额"])
    assert why in str(refused.value)
    check_rules(NEW, least=10, names=["liming", "青山小额"])


def test_none_of_the_last_five_passwords_comes_again(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    name, browser = person().username, window()
    browser.sign_in(name)

    def change(old: str, new: str) -> int:
        answer = browser.post("/account/password", current=old, password=new, password_again=new)
        return int(answer.status_code)

    used = [PASSWORD, *(f"{NEW} number {word}" for word in ("alpha", "beta", "gamma", "delta"))]
    assert [change(old, new) for old, new in pairwise(used)] == [302] * 4
    assert [change(used[-1], earlier) for earlier in used] == [422] * 5
    assert change(used[-1], f"{NEW} number epsilon") == 302
    # The first one is the sixth by now.
    assert change(f"{NEW} number epsilon", PASSWORD) == 302


def test_a_new_password_signs_all_other_browsers_out(window: Callable[[], Window], person: Callable[..., Any]) -> None:
    name, here, there = person().username, window(), window()
    here.sign_in(name)
    there.sign_in(name)
    wrong = here.post("/account/password", current="not it", password=NEW, password_again=NEW)
    assert (wrong.status_code, there.is_in) == (422, True)
    assert here.post("/account/password", current=PASSWORD, password=NEW, password_again=NEW).status_code == 302
    assert (here.is_in, there.is_in) == (True, False)
    assert (window().sign_in(name).status_code, window().sign_in(name, NEW).status_code) == (401, 302)


def test_a_password_that_somebody_else_chose_is_changed_first(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    admin, who = window(), person()
    admin.sign_in("admin")
    given = "a given one for the start"
    answer = admin.post(f"/resetpassword/form?pk={who.id}", password=given, conf_password=given)
    assert answer.status_code == 302
    browser = window()
    assert browser.sign_in(who.username, given).status_code == 302
    assert browser.get("/customers/").location == "/account/password"
    assert browser.get("/account/").location == "/account/password"
    assert "chosen by somebody else" in browser.get("/account/password").get_data(as_text=True)
    page = "/account/password"
    assert browser.post(page, page=page, password=given, password_again=given).status_code == 422
    assert browser.get("/customers/").status_code == 302
    assert browser.post(page, page=page, password=NEW, password_again=NEW).location == "/"
    assert browser.get("/customers/").status_code == 200


def test_an_account_that_an_administrator_made_begins_with_a_temporary_password(
    window: Callable[[], Window], books: Session
) -> None:
    from flask_appbuilder.security.sqla.models import User

    from trilend.access.rules import account_of

    admin = books.scalars(select(User).where(User.username == "admin")).one()
    made = User(username="made", first_name="周", last_name="", email="made@example.com", active=True)
    made.created_by_fk = admin.id
    books.add(made)
    books.flush()
    assert (account_of(books, made).temporary, account_of(books, admin).temporary) == (True, False)
    books.rollback()


def link_in(mail: Any) -> str:
    found = re.search(r"https?://[^/]+(/login/reset/\S+)", mail.body)
    assert found
    return found[1]


def test_a_forgotten_password_is_replaced_by_a_link_once(
    window: Callable[[], Window], person: Callable[..., Any], books: Session, run_jobs: Callable[[], int]
) -> None:
    who, browser, signed_in = person(), window(), window()
    mail_address, name, user_id = who.email, who.username, who.id
    signed_in.sign_in(name)
    fail(window(), name, 5)
    said = [
        browser.post("/login/forgot", username=asked).get_data(as_text=True)
        for asked in (mail_address, "nobody-at-all@example.com")
    ]
    assert said[0] == said[1]
    run_jobs()
    assert not mails_to("nobody-at-all@example.com")
    path = link_in(mails_to(mail_address)[0])
    assert path.rpartition("/")[2] not in str(books.execute(select(Ticket.digest)).all())

    assert browser.post(path, password="password1234", password_again="password1234").status_code == 422
    assert browser.post(path, password=NEW, password_again=NEW).location == "/login/"
    # Used up; the lock is gone, the old password too, and every browser is out.
    again = browser.post(path, password=f"{NEW} again", password_again=f"{NEW} again")
    assert (again.status_code, browser.get(path).status_code) == (410, 410)
    assert (signed_in.is_in, window().sign_in(name).status_code) == (False, 401)
    assert window().sign_in(name, NEW).status_code == 302
    books.expire_all()
    assert books.get_one(SignInAccount, user_id).temporary is False


def test_a_link_for_a_new_password_runs_out_and_belongs_to_its_company(
    window: Callable[[], Window],
    person: Callable[..., Any],
    books: Session,
    run_jobs: Callable[[], int],
    application: Any,
    tenant: Any,
) -> None:
    who = person()
    window().post("/login/forgot", username=who.username)
    run_jobs()
    path = link_in(mails_to(who.email)[0])
    elsewhere = Window(application, f"{tenant.slug}.localhost")
    assert elsewhere.get(path).status_code == 410
    assert window().get(path).status_code == 200
    back_in_time(books, Ticket.expires_at, 0.6, Ticket.purpose == "reset")
    answer = window().post(path, password=NEW, password_again=NEW)
    assert answer.status_code == 410
    assert window().sign_in(who.username).status_code == 302


def test_links_for_one_person_are_few(
    window: Callable[[], Window], person: Callable[..., Any], run_jobs: Callable[[], int]
) -> None:
    who, browser = person(), window()
    for _ in range(8):
        browser.post("/login/forgot", username=who.username)
    run_jobs()
    assert len(mails_to(who.email)) == 5


def test_nobody_signed_in_leaves_no_session(books: Session, window: Callable[[], Window]) -> None:
    before = len(books.scalars(select(BrowserSession)).all())
    window().sign_in("admin", "wrong password")
    books.expire_all()
    assert len(books.scalars(select(BrowserSession)).all()) == before
