"""Signs people in: by password, by second factor, by passkey, through the provider; and helps those who forgot."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from flask_appbuilder.security.sqla.models import User
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from trilend.access import lockout, passwords, tickets
from trilend.access.browser_sessions import Visit, end_all, open_session
from trilend.access.errors import PasswordsOff, TicketGone, TooManyTries, WrongSignIn
from trilend.access.models import SignInMethod
from trilend.access.rules import account_of, may_use_password, rules_of
from trilend.audit.service import SYSTEM, Actor, record
from trilend.jobs.service import JobRun, enqueue, handles
from trilend.messages.service import send
from trilend.tenancy.context import TenantSession, bookkeeping, current_tenant
from trilend.tenancy.errors import not_admitted

RESET_MINUTES = 30
_RESETS_PER_DAY = lockout.Limit(5, lockout.PER_ACCOUNT.memory)


def is_recorded() -> bool:
    """Whether who signs in can be written down: not while the space is being copied or is unsound."""
    admission = current_tenant().admission
    return admission.is_open or admission.allows_bookkeeping


@contextmanager
def recording() -> Iterator[None]:
    """Write down who signs in, also where the tenant may only be read; raises `NotAdmitted` where nothing can be."""
    admission = current_tenant().admission
    if admission.is_open:
        yield
    elif admission.allows_bookkeeping:
        with bookkeeping():
            yield
    else:
        raise not_admitted(admission)


def find_person(session: Session, name: str) -> User | None:
    """The person with this user name, else with this mail address, in one query."""
    is_name = User.username == name
    return session.scalars(
        select(User).where(or_(is_name, User.email == name)).order_by(is_name.desc()).limit(1)
    ).one_or_none()


def check_password(session: Session, name: str, password: str, address: str) -> User:
    """Whose name and password these are; each try is counted and committed before it is made.

    Raises `WrongSignIn`, `TooManyTries`, and for the right password `PasswordsOff`. A name that nobody has goes through
    the same steps, takes the same time and locks alike.
    """
    person = find_person(session, name)
    key = lockout.account_key(person.id) if person else lockout.name_key(name)
    lockout.count_try(session, lockout.address_key(address), lockout.PER_ADDRESS)
    count = lockout.count_try(session, key, lockout.PER_ACCOUNT)
    if count == lockout.PER_ACCOUNT.free:
        known = {"name": person.username} if person else {}
        record(session, SYSTEM, "sign_in.locked", "person", person.id if person else 0, address=address, **known)
    session.commit()
    # Whether somebody may sign in at all is told to nobody who does not have the password.
    if not passwords.is_right(person if person and person.is_active else None, password) or person is None:
        raise WrongSignIn
    lockout.forgive(session, key)
    lockout.take_back(session, lockout.address_key(address))
    if not may_use_password(session, rules_of(session), person):
        session.commit()
        raise PasswordsOff
    return person


def check_own_way(session: Session, person: User) -> None:
    """Whether a person may come in by means that are kept here, password or passkey; raises `PasswordsOff`.

    Asked again when the last step is done: the company may have switched them off since the first.
    """
    if not may_use_password(session, rules_of(session), person):
        raise PasswordsOff


def let_in(session: Session, person: User, method: SignInMethod, visit: Visit) -> str:
    """Open a session for a person who has shown who it is, and return its token; a new device is told of by mail."""
    account_of(session, person)
    token, is_new_device = open_session(session, person, method, visit)
    person.login_count = (person.login_count or 0) + 1
    person.fail_login_count, person.last_login = 0, datetime.now()  # noqa: DTZ005  # as FAB keeps it
    if is_new_device and person.email:
        _tell_of_new_device(session, person, visit)
    session.flush()
    return token


def ask_for_reset(session: Session, name: str, address: str) -> None:
    """Have a link sent to the person of this name, if there is one: a job looks, so that the answer tells nothing.

    Raises `TooManyTries` for an address from which too many are asked for.
    """
    lockout.count_try(session, f"reset:{lockout.address_key(address)}", lockout.PER_ADDRESS)
    enqueue(session, "access.send_reset", {"name": name.strip()[:320]})


def reset_password(session: Session, token: str, password: str) -> User:
    """Take a new password by a link from a mail; raises `TicketGone` and `UnfitPassword` (the link stays good then).

    All browsers are signed out; the second factor is still asked for.
    """
    ticket = tickets.use(session, passwords.RESET, token)
    person = session.get(User, ticket.user_id)
    if person is None or not person.is_active:
        raise TicketGone
    passwords.choose_password(session, Actor(person.first_name, person.id), person, password)
    end_all(session, person.id)
    return person


@handles("access.send_reset", label=_l("Sending a link for a forgotten password"))
def _send_reset(run: JobRun) -> None:
    with TenantSession() as session:
        person = find_person(session, run.payload["name"])
        if person is None or not person.is_active or not person.email:
            return
        if not may_use_password(session, rules_of(session), person):
            return
        try:
            lockout.count_try(session, f"resets:{person.id}", _RESETS_PER_DAY)
        except TooManyTries:
            return
        token = tickets.issue(session, passwords.RESET, minutes=RESET_MINUTES, user_id=person.id)
        tenant = current_tenant()
        send(
            session,
            channel="mail",
            recipient=person.email,
            subject=gettext("%(company)s: choose a new password", company=tenant.name),
            body=gettext(
                "Somebody, probably you, has asked for a new password for %(name)s. Choose it here within %(minutes)d"
                " minutes: %(url)s\n\nIf it was not you, do nothing: your password stays as it is.",
                name=person.username,
                minutes=RESET_MINUTES,
                url=f"{tenant.url}/login/reset/{token}",
            ),
        )
        session.commit()


def _tell_of_new_device(session: Session, person: User, visit: Visit) -> None:
    tenant = current_tenant()
    send(
        session,
        channel="mail",
        recipient=person.email,
        subject=gettext("%(company)s: sign-in from a new device", company=tenant.name),
        body=gettext(
            "%(name)s has just signed in from a device that we have not seen before: %(device)s, address %(address)s."
            "\n\nIf it was you, there is nothing to do. If not, end that session and change your password: %(url)s",
            name=person.username,
            device=visit.browser,
            address=visit.address,
            url=f"{tenant.url}/account/",
        ),
    )
