"""Signing in by password while the space cannot be written: locks are read there, and tries are counted in Valkey."""

import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

import structlog
from flask_appbuilder.security.sqla.models import User
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from trilend.access import lockout, passwords
from trilend.access.errors import OnlyWithoutSecondStep
from trilend.access.lockout import PER_ACCOUNT, PER_ADDRESS, Limit
from trilend.access.rules import has_second_factor, rules_of
from trilend.access.service import find_person
from trilend.config import settings
from trilend.db.base import now
from trilend.tenancy.context import current_tenant
from trilend.tenancy.errors import not_admitted

log = structlog.get_logger(__name__)

# One window for all: who can only read loses less by waiting than a guesser wins by not having to.
_WINDOW = timedelta(hours=1)
_PATIENCE = 1.0


def check_password(session: Session, name: str, password: str, address: str) -> User:
    """Whose name and password these are, for those who need nothing else to come in and read.

    Raises `TooManyTries`, `NotAdmitted` where the try cannot be counted, and `OnlyWithoutSecondStep` for a wrong password
    just as for a right one that is not enough: what cannot be finished now must not confirm a guess either.
    """
    person = find_person(session, name)
    tries = _Tries(lockout.account_key(person.id) if person else lockout.name_key(name), lockout.address_key(address))
    lockout.check_unlocked(session, tries.account, tries.address)
    tries.count()
    is_enough = not has_second_factor(session, person.id if person else 0) and rules_of(session).passwords_allowed
    is_right = passwords.is_right(person if person and person.is_active else None, password)
    if person is None or not is_right or not is_enough:
        raise OnlyWithoutSecondStep
    tries.forgive()
    return person


@dataclass(frozen=True)
class _Tries:
    """What is counted of one try: under the account, or the name that nobody has, and under the address."""

    account: str
    address: str

    def count(self) -> None:
        """Count before the try is made; raises `TooManyTries`, and `NotAdmitted` while Valkey is away."""
        try:
            counted = [(_counted(key), limit) for key, limit in self._limits]
        except (RedisError, OSError) as error:
            log.warning("nobody signs in while neither the space nor Valkey can count", error=str(error))
            raise not_admitted(current_tenant().admission) from error
        for (count, seconds), limit in counted:
            if count > limit.free:
                raise lockout.locked(now() + timedelta(seconds=seconds))

    def forgive(self) -> None:
        """The try was right: those of the account are forgotten, that of the address does not count."""
        try:
            with _valkey(os.getpid()).pipeline() as together:
                together.delete(_key(self.account))
                together.decr(_key(self.address))
                together.execute()
        except (RedisError, OSError) as error:
            log.warning("right tries stay counted: Valkey is away", error=str(error))

    @property
    def _limits(self) -> tuple[tuple[str, Limit], ...]:
        return (self.address, PER_ADDRESS), (self.account, PER_ACCOUNT)


def _counted(key: str) -> tuple[int, int]:
    """How many tries it is in this window, and seconds until it ends."""
    with _valkey(os.getpid()).pipeline() as together:
        together.incr(_key(key))
        together.expire(_key(key), _WINDOW, nx=True)
        together.ttl(_key(key))
        count, _, seconds = together.execute()
    return count, seconds


def _key(key: str) -> str:
    return f"trilend:tries:{current_tenant().id}:{key}"


@cache
def _valkey(_process: int) -> Redis:
    url = settings().valkey_url.replace("redis+socket://", "unix://")
    return Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE)
