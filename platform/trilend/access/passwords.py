"""What a password has to be like, and how one takes the place of another."""

from collections.abc import Iterable
from functools import cache

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.security import check_password_hash, generate_password_hash
from zxcvbn import zxcvbn

from trilend.access import lockout, tickets
from trilend.access.browser_sessions import end_all
from trilend.access.errors import UnfitPassword
from trilend.access.models import EarlierPassword
from trilend.access.rules import account_of, rules_of
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.tenancy.context import current_tenant

REMEMBERED = 5
RESET = "reset"
_LONGEST = 128
# The estimate grows with the square of the length; what a list knows is found in the beginning.
_JUDGED = 64
# Below this many guesses a password is known from lists, or made of one known word and a year.
_GUESSES = 10**8


@cache
def hash_of_nothing() -> str:
    """A hash that no password has; checking it takes as long as checking a real one."""
    return generate_password_hash("no password has this hash")


def is_right(person: User | None, password: str) -> bool:
    """Whether this is the person's password; takes the same time for somebody who does not exist."""
    kept = person.password if person is not None and person.password else hash_of_nothing()
    right = check_password_hash(kept, password)
    return right and person is not None and bool(person.password)


def check_rules(password: str, *, least: int, names: Iterable[str]) -> None:
    """Raise `UnfitPassword` for one that is too short, too common, or holds a name of the person or company."""
    if len(password) < least:
        raise UnfitPassword(_l("Use at least %(count)d characters.", count=least))
    if len(password) > _LONGEST:
        raise UnfitPassword(_l("Use at most %(count)d characters.", count=_LONGEST))
    known = [name.lower() for name in names if len(name) > 1]
    if any(name in password.lower() for name in known if len(name) > 2 or not name.isascii()):
        raise UnfitPassword(_l("Do not use your name or the name of the company."))
    if zxcvbn(password[:_JUDGED], known)["guesses"] < _GUESSES:
        raise UnfitPassword(_l("This password is easy to guess. A few words in a row that nobody expects are better."))


def check_password_for(session: Session, person: User, password: str) -> None:
    """Raise `UnfitPassword` if this person may not take this password: by the rules, or because it was in use."""
    check_rules(password, least=rules_of(session).password_length, names=names_around(person))
    earlier = session.scalars(
        select(EarlierPassword.hash)
        .where(EarlierPassword.user_id == person.id)
        .order_by(EarlierPassword.id.desc())
        .limit(REMEMBERED - 1)
    ).all()
    in_use = [person.password] if person.password else []
    if any(check_password_hash(kept, password) for kept in [*in_use, *earlier]):
        raise UnfitPassword(_l("This was one of your last %(count)d passwords. Choose another.", count=REMEMBERED))


def choose_password(session: Session, actor: Actor, person: User, password: str) -> None:
    """A person takes a new password for itself; raises `UnfitPassword`. Links for a forgotten one are worth nothing now."""
    check_password_for(session, person, password)
    _replace(session, person, password, temporary=False)
    lockout.forgive(session, lockout.account_key(person.id))
    tickets.withdraw(session, RESET, person.id)
    record(session, actor, "person.password_chosen", "person", person.id, name=person.username)


def give_password(session: Session, person: User, password: str) -> None:
    """Somebody else sets a password, which the person has to change; all browsers are signed out."""
    check_password_for(session, person, password)
    _replace(session, person, password, temporary=True)
    lockout.forgive(session, lockout.account_key(person.id))
    tickets.withdraw(session, RESET, person.id)
    end_all(session, person.id)


def names_around(person: User) -> list[str]:
    """What stands for a person and its company, and so in no password."""
    tenant = current_tenant()
    full = f"{person.first_name} {person.last_name}"
    mail = str(person.email or "").partition("@")[0]
    return ["trilend", person.username, *full.split(), mail, tenant.slug, tenant.name, tenant.name[:4]]


def _replace(session: Session, person: User, password: str, *, temporary: bool) -> None:
    account = account_of(session, person)
    if person.password:
        session.add(EarlierPassword(user_id=person.id, hash=person.password, set_at=account.password_set_at or now()))
    person.password = generate_password_hash(password)
    account.temporary, account.password_set_at = temporary, now()
    session.flush()
