"""Codes of an app: set up, asked for after the password, good once; recovery codes; what the company's rules ask."""

import re
import time
from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.flow.access.conftest import Window, back_in_time, passwords_off

from trilend.access.models import BrowserSession, Failures, RecoveryCode, SecondFactorRule, SignInAccount, SignInRules
from trilend.access.rules import default_rules
from trilend.audit.models import AuditEntry
from trilend.kinds import kinds

_KEY = re.compile(r'id="app-key">([^<]+)<')
_CODES = re.compile(r"<li><code>([^<]+)</code></li>")


def set_up(window: Window) -> tuple[pyotp.TOTP, list[str]]:
    """Set an app up as the page says; returns the app and the recovery codes."""
    page = window.get("/account/app").get_data(as_text=True)
    found = _KEY.search(page)
    assert found
    app = pyotp.TOTP(found[1].replace(" ", ""))
    answer = window.post("/account/app", code=app.now())
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    return app, _CODES.findall(answer.get_data(as_text=True))


def later(app: pyotp.TOTP, steps: int = 1) -> str:
    """The code that the app will show after so many half minutes; one ahead is taken, as clocks differ."""
    return str(app.at(int(time.time()) + 30 * steps))


@pytest.fixture
def with_app(window: Callable[[], Window], person: Callable[..., Any]) -> tuple[Any, pyotp.TOTP, list[str]]:
    """Somebody who has an app."""
    who, browser = person(), window()
    browser.sign_in(who.username)
    return who, *set_up(browser)


def test_an_app_is_set_up_by_its_code(
    window: Callable[[], Window], person: Callable[..., Any], books: Session, installation: Any, company: Any
) -> None:
    who, browser = person(), window()
    browser.sign_in(who.username)
    page = browser.get("/account/app").get_data(as_text=True)
    assert "<svg" in page
    assert "style=" not in page
    assert browser.post("/account/app", code="000000").status_code == 401
    books.expire_all()
    assert books.get_one(SignInAccount, who.id).totp_since is None
    app, codes = set_up(browser)
    assert len(set(codes)) == 10
    books.expire_all()
    assert books.get_one(SignInAccount, who.id).totp_secret == app.secret
    # In the database neither the secret nor a recovery code can be read.
    import psycopg

    with psycopg.connect(installation.database.superuser_url) as superuser:
        raw = superuser.execute(
            f"SELECT totp_secret::text FROM {company.schema}.sign_in_account WHERE user_id = {who.id}".encode()
        ).fetchone()
        digests = superuser.execute(f"SELECT digest FROM {company.schema}.recovery_code".encode()).fetchall()
    assert raw
    assert app.secret.encode().hex() not in raw[0]
    assert not {digest for (digest,) in digests} & {code.replace("-", "") for code in codes}


def test_the_password_alone_does_not_let_in(window: Callable[[], Window], with_app: Any) -> None:
    who, app, _ = with_app
    browser = window()
    answer = browser.post("/login/?next=/customers/", username=who.username, password="correct horse battery")
    assert (answer.location, browser.is_in) == ("/login/second", False)
    assert browser.post("/login/second", code="123").status_code == 401
    assert not browser.is_in
    assert browser.post("/login/second", code=later(app)).location == "/customers/"
    assert browser.is_in


def test_a_password_taken_before_the_switch_does_not_complete_after_it(
    window: Callable[[], Window], with_app: Any, books: Session
) -> None:
    who, app, _ = with_app
    browser = window()
    assert browser.sign_in(who.username).location == "/login/second"
    with passwords_off(books):
        answer = browser.post("/login/second", code=later(app))
        assert answer.status_code == 409
        assert "signs in through its own service" in answer.get_data(as_text=True)
        assert not browser.is_in


def test_a_code_is_good_once(window: Callable[[], Window], with_app: Any) -> None:
    who, app, _ = with_app
    code = later(app)
    first, second = window(), window()
    for browser in (first, second):
        browser.sign_in(who.username)
    assert first.post("/login/second", code=code).status_code == 302
    assert second.post("/login/second", code=code).status_code == 401
    assert (first.is_in, second.is_in) == (True, False)
    # Neither is one that is older than the newest that was taken, though its half minute may not be over.
    assert second.post("/login/second", code=app.now()).status_code == 401


def test_wrong_codes_lock_and_the_lock_is_not_lifted_by_the_password(
    window: Callable[[], Window], with_app: Any, books: Session
) -> None:
    who, app, _ = with_app
    browser = window()
    browser.sign_in(who.username)
    assert [browser.post("/login/second", code="000000").status_code for _ in range(5)] == [401] * 5
    assert browser.post("/login/second", code=later(app)).status_code == 429
    other = window()
    other.sign_in(who.username)
    assert other.post("/login/second", code=later(app)).status_code == 429
    back_in_time(books, Failures.locked_until, 2, Failures.key == f"code:{who.id}")
    assert other.post("/login/second", code=later(app)).status_code == 302


def test_a_recovery_code_lets_in_once(window: Callable[[], Window], with_app: Any, books: Session) -> None:
    who, _, codes = with_app
    first, second = window(), window()
    for browser in (first, second):
        browser.sign_in(who.username)
    assert first.post("/login/second", code=codes[0].upper().replace("-", " ")).status_code == 302
    assert second.post("/login/second", code=codes[0]).status_code == 401
    assert "9 recovery codes are left" in first.get("/account/").get_data(as_text=True)
    made = _CODES.findall(first.post("/account/codes").get_data(as_text=True))
    assert len(made) == 10
    assert second.post("/login/second", code=codes[1]).status_code == 401
    assert second.post("/login/second", code=made[1]).status_code == 302


def test_a_recovery_code_of_somebody_else_opens_nothing(
    window: Callable[[], Window], with_app: Any, person: Callable[..., Any]
) -> None:
    _, _, codes = with_app
    other, browser = person(), window()
    browser.sign_in(other.username)
    set_up(browser)
    thief = window()
    thief.sign_in(other.username)
    assert thief.post("/login/second", code=codes[0]).status_code == 401


def test_the_second_step_belongs_to_the_browser_that_made_the_first(
    window: Callable[[], Window], with_app: Any
) -> None:
    _, app, _ = with_app
    stranger = window()
    assert stranger.get("/login/second").location == "/login/"
    assert stranger.post("/login/second", code=later(app)).location == "/login/"
    assert not stranger.is_in


def test_changing_factors_asks_for_the_password_again_after_a_while(
    window: Callable[[], Window], with_app: Any, books: Session
) -> None:
    who, app, _ = with_app
    browser = window()
    browser.sign_in(who.username)
    browser.post("/login/second", code=later(app))
    back_in_time(books, BrowserSession.confirmed_at, 1, BrowserSession.user_id == who.id)
    answer = browser.post("/account/app/remove")
    assert answer.location.startswith("/account/confirm")
    books.expire_all()
    assert books.get_one(SignInAccount, who.id).totp_since is not None
    assert browser.post(answer.location, password="wrong password").status_code == 422
    assert browser.post(answer.location, password="correct horse battery").location == "/account/"
    assert browser.post("/account/app/remove").location == "/account/"
    books.expire_all()
    assert books.get_one(SignInAccount, who.id).totp_secret is None
    assert not books.scalars(select(RecoveryCode).where(RecoveryCode.user_id == who.id)).all()
    assert window().sign_in(who.username).location == "/"


def test_an_administrator_takes_the_factors_of_somebody_who_lost_the_phone(
    window: Callable[[], Window], with_app: Any, books: Session
) -> None:
    who, app, _ = with_app
    browser, admin = window(), window()
    browser.sign_in(who.username)
    browser.post("/login/second", code=later(app))
    admin.sign_in("admin")
    admin.post(f"/sign-in/people/{who.id}/take-factors")
    assert not browser.is_in
    assert window().sign_in(who.username).location == "/"
    acts = books.scalars(select(AuditEntry.act).where(AuditEntry.subject_id == who.id)).all()
    assert "person.app_removed" in acts


@pytest.fixture
def rules(books: Session) -> Any:
    """The company's rules, to be changed; the defaults are back afterwards."""
    row = default_rules()
    books.add(row)
    books.commit()
    yield row
    books.rollback()
    books.delete(books.get_one(SignInRules, 1))
    books.commit()


def test_a_factor_that_is_required_is_asked_for_after_the_grace(
    window: Callable[[], Window], person: Callable[..., Any], books: Session, rules: SignInRules
) -> None:
    admin, who = window(), person()
    admin.sign_in("admin")
    wanted = {"idle_minutes": 240, "session_hours": 24, "password_length": 10, "passwords_allowed": "y"}
    answer = admin.post("/sign-in/rules", second_factor="all", grace_days=14, **wanted)
    assert answer.status_code == 302
    browser = window()
    browser.sign_in(who.username)
    assert browser.get("/customers/").status_code == 200
    assert "Set one up here by" in browser.get("/account/").get_data(as_text=True)

    back_in_time(books, SignInRules.required_since, 15 * 24)
    back_in_time(books, SignInAccount.created_at, 15 * 24, SignInAccount.user_id == who.id)
    assert browser.get("/customers/").location == "/account/"
    assert "Set one up here to go on working" in browser.get("/account/").get_data(as_text=True)
    set_up(browser)
    assert browser.get("/customers/").status_code == 200


def test_a_factor_may_be_required_of_those_who_move_money(
    window: Callable[[], Window], person: Callable[..., Any], books: Session, rules: SignInRules
) -> None:
    rules.second_factor, rules.grace_days = SecondFactorRule.MONEY, 0
    rules.required_since = rules.required_since or books.scalars(select(SignInAccount.created_at)).first()
    books.commit()
    cashier, auditor = window(), window()
    cashier.sign_in(person("Cashier").username)
    auditor.sign_in(person("Auditor").username)
    assert cashier.get("/customers/").location == "/account/"
    assert auditor.get("/customers/").status_code == 200


def test_the_rights_that_move_money_exist() -> None:
    from trilend.app import views_of_kind

    for kind in kinds().values():
        views = views_of_kind(kind.name)
        assert [right for right in kind.money_rights if right[0] not in views.get(right[1], ())] == []


def test_only_administrators_change_the_rules(
    window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    officer = window()
    officer.sign_in(person().username)
    assert officer.get("/sign-in/").status_code in (302, 403)
    officer.post("/sign-in/rules", second_factor="optional", idle_minutes=1440, session_hours=720)
    assert books.get(SignInRules, 1) is None
