"""Browsers in which people are signed in: opened, looked up with the person in one query, listed, ended."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask_appbuilder.security.sqla.models import User
from sqlalchemy import exists, literal, select, true, update
from sqlalchemy.orm import Session

from trilend.access.models import BrowserSession, Passkey, SignInAccount, SignInMethod, SignInRules
from trilend.access.rules import default_rules
from trilend.access.tickets import digest_of
from trilend.db.base import now
from trilend.identity.leaving import ends_access

TOUCH_AFTER = timedelta(minutes=1)
_LISTED = 20


@dataclass(frozen=True)
class Visit:
    """From where somebody signs in; `device` is what that browser keeps for long, to be known again."""

    address: str
    browser: str
    device: str


@dataclass(frozen=True)
class Presence:
    """Who is signed in, in which browser, by which rules."""

    person: User
    browser: BrowserSession
    account: SignInAccount | None
    rules: SignInRules
    has_passkey: bool

    @property
    def is_temporary(self) -> bool:
        """Whether the password was chosen by somebody else."""
        if self.browser.method == SignInMethod.PROVIDER or not self.person.password:
            return False
        return self.account.temporary if self.account else self.person.created_by_fk is not None

    @property
    def has_second_factor(self) -> bool:
        """Whether there is an app for codes, or a passkey."""
        return self.has_passkey or (self.account is not None and self.account.totp_since is not None)


def open_session(session: Session, person: User, method: SignInMethod, visit: Visit) -> tuple[str, bool]:
    """Sign a person in at a browser; returns the token for its cookie, and whether the device is new to an old account."""
    device_digest = digest_of(visit.device)
    known = exists().where(BrowserSession.user_id == person.id, BrowserSession.device_digest == device_digest)
    any_before = exists().where(BrowserSession.user_id == person.id)
    is_known, is_old = session.execute(select(known, any_before)).one()
    token = secrets.token_urlsafe(32)
    at = now()
    session.add(
        BrowserSession(
            digest=digest_of(token),
            user_id=person.id,
            device=visit.browser[:80],
            device_digest=device_digest,
            address=visit.address,
            method=method,
            created_at=at,
            last_seen_at=at,
            confirmed_at=at,
        )
    )
    session.flush()
    return token, is_old and not is_known


def presence(session: Session, user_id: int, token: str, *, idles: bool = True) -> Presence | None:
    """The person behind a cookie with everything that decides on the request, in one query; None where it is worth nothing.

    `idles` is False where nobody can be written down as seen.
    """
    found = session.execute(
        select(User, BrowserSession, SignInAccount, SignInRules, exists().where(Passkey.user_id == User.id))
        .join(BrowserSession, BrowserSession.user_id == User.id)
        .outerjoin(SignInAccount, SignInAccount.user_id == User.id)
        .outerjoin(SignInRules, literal(value=True) == true())
        .where(BrowserSession.digest == digest_of(token), User.id == user_id, User.active.is_(True))
    ).one_or_none()
    if found is None:
        return None
    person, browser, account, rules, has_passkey = found
    rules = rules or default_rules()
    if browser.is_over(rules, now(), idles=idles):
        return None
    return Presence(person, browser, account, rules, has_passkey)


def touch(session: Session, browser_id: int) -> None:
    """Remember that a browser was seen now."""
    session.execute(update(BrowserSession).where(BrowserSession.id == browser_id).values(last_seen_at=now()))


def confirm(session: Session, browser_id: int) -> None:
    """Remember that the person has just shown again who it is."""
    session.execute(update(BrowserSession).where(BrowserSession.id == browser_id).values(confirmed_at=now()))


def sessions_of(session: Session, user_id: int) -> Sequence[BrowserSession]:
    """The newest browsers of a person, signed in or not, newest first."""
    return session.scalars(
        select(BrowserSession)
        .where(BrowserSession.user_id == user_id)
        .order_by(BrowserSession.id.desc())
        .limit(_LISTED)
    ).all()


def end(session: Session, user_id: int, browser_id: int) -> bool:
    """Sign one of a person's browsers out; False for one that is not the person's, or was out already."""
    ended = session.execute(
        update(BrowserSession)
        .where(BrowserSession.id == browser_id, BrowserSession.user_id == user_id, BrowserSession.ended_at.is_(None))
        .values(ended_at=now())
        .returning(BrowserSession.id)
    )
    return ended.one_or_none() is not None


def end_all(session: Session, user_id: int, *, but: int | None = None) -> int:
    """Sign all browsers of a person out, except one; returns how many."""
    ended = session.execute(
        update(BrowserSession)
        .where(
            BrowserSession.user_id == user_id,
            BrowserSession.ended_at.is_(None),
            BrowserSession.id != but if but is not None else true(),
        )
        .values(ended_at=now())
        .returning(BrowserSession.id)
    )
    return len(ended.all())


@ends_access
def _sign_out(session: Session, user_id: int) -> None:
    end_all(session, user_id)
