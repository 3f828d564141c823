"""The company's rules for signing in, and what they ask of one person."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_appbuilder.security.sqla.models import Role, User
from flask_babel import lazy_gettext as _l
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from trilend.access.errors import NoWayBack
from trilend.access.models import Passkey, Provider, SecondFactorRule, SignInAccount, SignInRules
from trilend.audit.changes import changed, snapshot
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.identity.seeds import ADMINISTRATOR

_ONLY = 1
_FIELDS = (
    "second_factor",
    "grace_days",
    "idle_minutes",
    "session_hours",
    "password_length",
    "passwords_allowed",
)


@dataclass(frozen=True)
class WantedRules:
    """Rules as an administrator enters them; see `SignInRules`."""

    second_factor: SecondFactorRule
    grace_days: int
    idle_minutes: int
    session_hours: int
    password_length: int
    passwords_allowed: bool


def default_rules() -> SignInRules:
    """What holds until a company decides otherwise."""
    return SignInRules(
        id=_ONLY,
        second_factor=SecondFactorRule.OPTIONAL,
        grace_days=14,
        idle_minutes=240,
        session_hours=24,
        password_length=10,
        passwords_allowed=True,
    )


def rules_of(session: Session) -> SignInRules:
    """The company's rules; the defaults are not stored."""
    return session.get(SignInRules, _ONLY) or default_rules()


def set_rules(session: Session, actor: Actor, wanted: WantedRules) -> None:
    """Change the rules; raises `NoWayBack` if passwords go off before there is another sure way in."""
    rules = session.get(SignInRules, _ONLY)
    before = snapshot(rules or default_rules(), *_FIELDS)
    if rules is None:
        rules = default_rules()
        session.add(rules)
    if rules.passwords_allowed and not wanted.passwords_allowed:
        _check_way_back(session)
    if wanted.second_factor != rules.second_factor:
        rules.required_since = None if wanted.second_factor == SecondFactorRule.OPTIONAL else now()
    for field in _FIELDS:
        setattr(rules, field, getattr(wanted, field))
    session.flush()
    changes = changed(before, snapshot(rules, *_FIELDS))
    if changes:
        record(session, actor, "sign_in_rules.changed", "sign_in_rules", _ONLY, changes=changes)


def first_administrator(session: Session) -> User | None:
    """Who gets in by password and second factor even where passwords are off: the administrator of longest standing."""
    return session.scalars(
        select(User)
        .join(User.roles)
        .where(Role.name == ADMINISTRATOR, User.active.is_(True))
        .order_by(User.id)
        .limit(1)
    ).one_or_none()


def may_use_password(session: Session, rules: SignInRules, person: User) -> bool:
    """Whether this person's password opens anything."""
    if rules.passwords_allowed:
        return True
    first = first_administrator(session)
    return first is not None and first.id == person.id


def has_second_factor(session: Session, user_id: int) -> bool:
    """Whether a person has an app for codes, or a passkey."""
    app = exists().where(SignInAccount.user_id == user_id, SignInAccount.totp_since.is_not(None))
    return bool(session.scalar(select(app | exists().where(Passkey.user_id == user_id))))


def due_on(rules: SignInRules, first_day: datetime) -> datetime:
    """Until when a person to whom the rule applies may do without a second factor."""
    since = rules.required_since or first_day
    return max(since, first_day) + timedelta(days=rules.grace_days)


def account_of(session: Session, person: User) -> SignInAccount:
    """What a person signs in with; made when it is first asked for.

    A password that came with an account which somebody else made is temporary.
    """
    account = session.get(SignInAccount, person.id)
    if account is None:
        account = SignInAccount(
            user_id=person.id, temporary=person.created_by_fk is not None, totp_last_step=0, created_at=now()
        )
        session.add(account)
        session.flush()
    return account


def check_still_a_way_back(session: Session, user_id: int) -> None:
    """Refuse that the one who keeps the way back loses the last second factor; raises `NoWayBack`."""
    rules = rules_of(session)
    first = first_administrator(session)
    if rules.passwords_allowed or first is None or first.id != user_id:
        return
    app = session.scalar(
        select(func.count()).where(SignInAccount.user_id == user_id, SignInAccount.totp_since.is_not(None))
    )
    keys = session.scalar(select(func.count()).where(Passkey.user_id == user_id))
    if (app or 0) + (keys or 0) <= 1:
        raise NoWayBack(
            _l("Passwords are switched off, and this is your second factor for the day your company's service fails.")
        )


def _check_way_back(session: Session) -> None:
    provider = session.get(Provider, _ONLY)
    if provider is None or not provider.active or provider.proved_at is None:
        raise NoWayBack(
            _l("Sign in once through your company's own service first: only then passwords may be switched off.")
        )
    first = first_administrator(session)
    if first is None or not has_second_factor(session, first.id):
        raise NoWayBack(
            _l(
                "%(name)s, the first administrator, needs a second factor first: password and second factor stay the"
                " way back for the day your company's service fails.",
                name=first.first_name if first else "—",
            )
        )
