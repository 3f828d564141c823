"""Counts failed tries per account and per address, and locks for a time that grows and ends by itself."""

import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.access.errors import TooManyTries
from trilend.access.models import Failures
from trilend.db.base import now

_LONGEST_MINUTES = 60


@dataclass(frozen=True)
class Limit:
    """After `free` failures each further one locks: a minute, then twice as long each time, an hour at most.

    Failures are forgotten after `memory` without another one.
    """

    free: int
    memory: timedelta


PER_ACCOUNT = Limit(5, timedelta(days=1))
PER_ADDRESS = Limit(50, timedelta(hours=2))


def account_key(user_id: int) -> str:
    """The key of a person's failures."""
    return f"account:{user_id}"


def name_key(name: str) -> str:
    """The key of a name that nobody has: it locks just like an account, so that a lock tells nothing."""
    return f"name:{sha256(name.strip().lower().encode()).hexdigest()}"


def address_key(address: str) -> str:
    """The key of an address; of an IPv6 address its network, which one subscriber has for himself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "address:unknown"
    network = ipaddress.ip_network(f"{address}/64", strict=False) if parsed.version == 6 else parsed
    return f"address:{network}"


def count_try(session: Session, key: str, limit: Limit) -> int:
    """Count a try as failed before it is made, so that a hundred at once are a hundred; raises `TooManyTries`.

    Returns how many it is now. Commit whatever comes of the try. `forgive` or `take_back` afterwards, if it was right.
    """
    count = case((Failures.last_at < now() - limit.memory, 1), else_=Failures.count + 1)
    minutes = func.least(func.power(2, func.least(count - limit.free, 20)), _LONGEST_MINUTES)
    lock = case((count >= limit.free, now() + minutes * timedelta(minutes=1)))
    statement = insert(Failures).values(key=key, count=1, last_at=now())
    counted = session.execute(
        statement.on_conflict_do_update(
            index_elements=["key"],
            set_={"count": count, "last_at": now(), "locked_until": lock},
            where=Failures.locked_until.is_(None) | (Failures.locked_until <= now()),
        ).returning(Failures.count)
    ).one_or_none()
    if counted is None:
        raise locked(session.scalars(select(Failures.locked_until).where(Failures.key == key)).one() or now())
    return int(counted[0])


def check_unlocked(session: Session, *keys: str) -> None:
    """Look for locks without counting, where nothing can be written; raises `TooManyTries`."""
    until = session.scalar(
        select(func.max(Failures.locked_until)).where(Failures.key.in_(keys), Failures.locked_until > now())
    )
    if until is not None:
        raise locked(until)


def locked(until: datetime) -> TooManyTries:
    """The refusal of a try before `until`, which says how long that is."""
    return TooManyTries(until, max(1, math.ceil((until - now()).total_seconds() / 60)))


def take_back(session: Session, key: str) -> None:
    """One try was right: it does not count, those before it do."""
    session.execute(
        update(Failures)
        .where(Failures.key == key, Failures.count > 0)
        .values(count=Failures.count - 1, locked_until=None)
    )


def forgive(session: Session, *keys: str) -> None:
    """Forget all failures under these keys."""
    session.execute(delete(Failures).where(Failures.key.in_(keys)))
