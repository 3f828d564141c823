"""Codes of an app (TOTP) and recovery codes: set up, checked once each, taken away."""

import secrets
import time

import pyotp
import segno
from flask_appbuilder.security.sqla.models import User
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from trilend.access import lockout
from trilend.access.errors import AppThere, WrongCode
from trilend.access.models import RecoveryCode, SignInAccount
from trilend.access.rules import account_of, check_still_a_way_back
from trilend.access.tickets import digest_of
from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.tenancy.context import current_tenant

RECOVERY_CODES = 10
_STEP_SECONDS = 30
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def secret_to_set_up(session: Session, person: User) -> str:
    """The sealed secret of an app that is not in use yet, the same until it is: one may come back to the page."""
    account = account_of(session, person)
    if account.totp_since is not None:
        raise AppThere
    if account.totp_secret is None:
        account.totp_secret = pyotp.random_base32()
        session.flush()
    return account.totp_secret


def address_for_app(person: User, secret: str) -> str:
    """What an app reads from the QR code: account, company and secret."""
    return pyotp.TOTP(secret).provisioning_uri(name=person.username, issuer_name=current_tenant().name)


def qr_code(text: str) -> str:
    """A QR code as SVG, drawn by attributes alone: the pages allow no inline style."""
    return str(segno.make(text, error="l").svg_inline(scale=5, border=2, svgclass="qr-code", lineclass="qr-lines"))


def turn_on(session: Session, actor: Actor, person: User, code: str) -> list[str]:
    """Take the app whose code proves that it holds the secret; returns recovery codes, which are never shown again.

    Raises `WrongCode`, and `AppThere` if there is one already.
    """
    account = account_of(session, person)
    if account.totp_since is not None:
        raise AppThere
    step = _matching_step(account.totp_secret, code) if account.totp_secret else None
    if step is None:
        raise WrongCode
    account.totp_since, account.totp_last_step = now(), step
    record(session, actor, "person.app_added", "person", person.id, name=person.username)
    return new_recovery_codes(session, person.id)


def turn_off(session: Session, actor: Actor, person: User) -> None:
    """Forget the app and the recovery codes; raises `NoWayBack` for the one who may not lose the last factor."""
    check_still_a_way_back(session, person.id)
    account = account_of(session, person)
    account.totp_secret = account.totp_since = None
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == person.id))
    record(session, actor, "person.app_removed", "person", person.id, name=person.username)


def has_app(session: Session, user_id: int) -> bool:
    """Whether a person has an app for codes in use."""
    account = session.get(SignInAccount, user_id)
    return account is not None and account.totp_since is not None


def new_recovery_codes(session: Session, user_id: int) -> list[str]:
    """Ten new codes instead of those there were."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_id == user_id))
    codes = ["-".join(_word() for _ in range(3)) for _ in range(RECOVERY_CODES)]
    session.add_all(RecoveryCode(user_id=user_id, digest=_digest(user_id, code)) for code in codes)
    session.flush()
    return codes


def recovery_codes_left(session: Session, user_id: int) -> int:
    """How many recovery codes are unused."""
    left = select(func.count()).where(RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None))
    return session.scalar(left) or 0


def code_key(user_id: int) -> str:
    """The key under which wrong codes of a person are counted."""
    return f"code:{user_id}"


def check_code(session: Session, user_id: int, entered: str) -> None:
    """Take a code of the app or a recovery code, each once; raises `WrongCode` or `TooManyTries`.

    Commit whatever comes of it: the try counts.
    """
    key = code_key(user_id)
    lockout.count_try(session, key, lockout.PER_ACCOUNT)
    if not (_take_app_code(session, user_id, entered) or _take_recovery_code(session, user_id, entered)):
        raise WrongCode
    lockout.forgive(session, key)


def _take_app_code(session: Session, user_id: int, entered: str) -> bool:
    account = session.get(SignInAccount, user_id)
    if account is None or account.totp_secret is None or account.totp_since is None:
        return False
    step = _matching_step(account.totp_secret, entered)
    if step is None:
        return False
    # Of two that bring the same code at once one finds the step still ahead.
    taken = session.execute(
        update(SignInAccount)
        .where(SignInAccount.user_id == user_id, SignInAccount.totp_last_step < step)
        .values(totp_last_step=step)
        .returning(SignInAccount.user_id)
    )
    return taken.one_or_none() is not None


def _take_recovery_code(session: Session, user_id: int, entered: str) -> bool:
    taken = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.user_id == user_id,
            RecoveryCode.digest == _digest(user_id, entered),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=now())
        .returning(RecoveryCode.id)
    )
    return taken.one_or_none() is not None


def _matching_step(secret: str, entered: str) -> int | None:
    """The time step whose code this is: the present one, or one beside it for clocks that differ."""
    code = "".join(entered.split())
    if not code.isascii() or not code.isdigit():
        return None
    present, app = int(time.time()) // _STEP_SECONDS, pyotp.TOTP(secret)
    steps = (present, present - 1, present + 1)
    return next((step for step in steps if app.verify(code, for_time=step * _STEP_SECONDS)), None)


def _word() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(4))


def _digest(user_id: int, code: str) -> str:
    # A code has 59 bits of chance: a digest without salt and stretching cannot be turned back.
    return digest_of(f"{user_id}:{''.join(code.lower().replace('-', ' ').split())}")
