"""Lets a write happen once however often it is sent, and gives each repetition the first one's answer."""

import re
from datetime import timedelta
from hashlib import sha256

from flask_babel import gettext
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trilend.api.errors import FieldFault, IdempotencyMismatch, InvalidCall, StillInFlight
from trilend.api.models import IdempotencyRecord
from trilend.api.operations import Program
from trilend.db.base import now

HEADER = "Idempotency-Key"
KEPT_DAYS = 30
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


def claim(session: Session, program: Program, key: str, request: str) -> IdempotencyRecord:
    """The record of this key, locked until the caller's transaction ends; answered already if it has a `status`.

    The key is taken in a transaction of its own, so that it outlives the caller's. An operation that is refused, or
    dies, leaves no answer: the same request may then be sent again under its key. Raises `IdempotencyMismatch` if the
    key stands for another request, `StillInFlight` while that one is being worked on, `InvalidCall` for a bad key.
    """
    if not _KEY.fullmatch(key):
        raise InvalidCall([FieldFault(HEADER, "key", gettext("Use 1 to 200 visible ASCII characters."))])
    digest = sha256(request.encode()).hexdigest()
    client_id, key = program.id, _own_key(program, key)
    taken = upsert(IdempotencyRecord).values(client_id=client_id, key=key, request_digest=digest)
    session.execute(taken.on_conflict_do_nothing(index_elements=["client_id", "key"]))
    session.commit()
    record = select(IdempotencyRecord).where(IdempotencyRecord.client_id == client_id, IdempotencyRecord.key == key)
    # The lock comes last: a caller that finds it held learns first whether it is about the same request.
    if session.scalars(record).one().request_digest != digest:
        raise IdempotencyMismatch
    locked = session.scalar(record.with_for_update(skip_locked=True).execution_options(populate_existing=True))
    if locked is None:
        raise StillInFlight
    return locked


def _own_key(program: Program, key: str) -> str:
    """The key as it is kept: of a program that acts for people each person has keys of the own."""
    return key if program.person is None else sha256(f"{program.person.id}\n{key}".encode()).hexdigest()


def forget_old_keys(session: Session, client_id: int) -> None:
    """Forget the keys of a program after 30 days."""
    old = IdempotencyRecord.created_at < now() - timedelta(days=KEPT_DAYS)
    session.execute(delete(IdempotencyRecord).where(IdempotencyRecord.client_id == client_id, old))
