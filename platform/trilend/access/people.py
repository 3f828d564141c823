"""How each person of the company signs in, for its administrator, and what he may do about it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _l
from sqlalchemy import String, cast, func, select
from sqlalchemy.orm import Session

from trilend.access import browser_sessions, lockout, second_factor
from trilend.access.models import BrowserSession, Failures, Passkey, SignInAccount
from trilend.access.passkeys import passkeys_of, remove
from trilend.access.rules import account_of, rules_of
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.errors import NotFound


@dataclass(frozen=True)
class PersonSignsIn:
    """A line of the list."""

    id: int
    name: str
    username: str
    active: bool
    has_app: bool
    passkeys: int
    browsers: int
    seen_at: datetime | None
    locked_until: datetime | None


def people_and_how(session: Session, *, offset: int, limit: int) -> tuple[Sequence[PersonSignsIn], int]:
    """A page of the people by user name, and how many there are, in one query."""
    rules, at = rules_of(session), now()
    keys = select(func.count()).where(Passkey.user_id == User.id).scalar_subquery()
    mine = BrowserSession.user_id == User.id
    living = (
        mine,
        BrowserSession.ended_at.is_(None),
        BrowserSession.last_seen_at > at - rules.idle,
        BrowserSession.created_at > at - rules.longest,
    )
    browsers = select(func.count()).where(*living).scalar_subquery()
    seen = select(func.max(BrowserSession.last_seen_at)).where(mine).scalar_subquery()
    rows = session.execute(
        select(User, SignInAccount.totp_since, keys, browsers, seen, Failures.locked_until, func.count().over())
        .outerjoin(SignInAccount, SignInAccount.user_id == User.id)
        .outerjoin(
            Failures, (Failures.key == func.concat("account:", cast(User.id, String))) & (Failures.locked_until > at)
        )
        .order_by(User.active.desc(), User.username)
        .offset(offset)
        .limit(limit)
    ).all()
    found = [
        PersonSignsIn(
            person.id,
            f"{person.first_name} {person.last_name}".strip(),
            person.username,
            bool(person.active),
            app_since is not None,
            passkeys,
            open_browsers,
            seen_at,
            locked_until,
        )
        for person, app_since, passkeys, open_browsers, seen_at, locked_until, _ in rows
    ]
    return found, rows[0][-1] if rows else 0


def unlock(session: Session, actor: Actor, user_id: int) -> None:
    """End a lock, of the password and of the codes; raises `NotFound`."""
    person = _person(session, user_id)
    lockout.forgive(session, lockout.account_key(user_id), second_factor.code_key(user_id))
    record(session, actor, "person.unlocked", "person", user_id, name=person.username)


def sign_out(session: Session, actor: Actor, user_id: int, *, but: int) -> int:
    """End all sessions of a person but the one in which this is asked for; returns how many; raises `NotFound`."""
    person = _person(session, user_id)
    count = browser_sessions.end_all(session, user_id, but=but)
    record(session, actor, "person.signed_out", "person", user_id, name=person.username, rows=count)
    return count


def take_factors(session: Session, actor: Actor, user_id: int, *, but: int) -> None:
    """Take app, recovery codes and passkeys of somebody who has lost them, and end the sessions but the one of who asks.

    Raises `NotFound`, and `NoWayBack` for the one who has to keep a factor.
    """
    person = _person(session, user_id)
    for passkey in passkeys_of(session, user_id):
        remove(session, actor, user_id, passkey.id)
    if account_of(session, person).totp_since is not None:
        second_factor.turn_off(session, actor, person)
    browser_sessions.end_all(session, user_id, but=but)


def _person(session: Session, user_id: int) -> User:
    person = session.get(User, user_id)
    if person is None:
        raise NotFound(_l("This person does not exist."), id=user_id)
    return person
