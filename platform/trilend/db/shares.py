"""A pool of connections of which no single tenant can take more than its share."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from trilend.db.errors import TenantBusy

_holder: ContextVar[str | None] = ContextVar("trilend_connection_holder", default=None)


@contextmanager
def held_by(name: str) -> Iterator[None]:
    """Count the connections that are taken inside as held by `name`."""
    token = _holder.set(name)
    try:
        yield
    finally:
        _holder.reset(token)


class Shares:
    """How much of something each holder has of it at present; waits for `patience` seconds for a share to become free."""

    def __init__(self, most: int, patience: float) -> None:
        self._most = most
        self._patience = patience
        self._held: Counter[str] = Counter()
        self._changed = threading.Condition()

    def take(self, holder: str) -> None:
        """Take one; raises `TenantBusy` if the holder has all that it may have until patience ends."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._held[holder] < self._most, self._patience):
                raise TenantBusy
            self._held[holder] += 1

    def give_back(self, holder: str) -> None:
        """Give one back."""
        with self._changed:
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]
            self._changed.notify_all()

    def held(self, holder: str) -> int:
        """How many the holder has."""
        with self._changed:
            return self._held[holder]


class SharedPool(QueuePool):
    """SQLAlchemy's pool with a share for each holder; connections taken outside of `held_by` are not counted."""

    _shares: Shares | None = None

    def limit(self, shares: Shares) -> None:
        """Hold everybody to these shares from now on."""
        self._shares = shares
        self._holders: dict[ConnectionPoolEntry, str] = {}

    def recreate(self) -> "SharedPool":
        """The pool that takes this one's place after all connections were lost; shares go on as they are."""
        pool: Any = super().recreate()
        if self._shares is not None:
            pool.limit(self._shares)
        return pool  # type: ignore[no-any-return]

    def _do_get(self) -> ConnectionPoolEntry:
        holder = _holder.get()
        if self._shares is None or holder is None:
            return self._within_patience()
        self._shares.take(holder)
        try:
            entry = self._within_patience()
        except BaseException:
            self._shares.give_back(holder)
            raise
        self._holders[entry] = holder
        return entry

    def _within_patience(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except PoolTimeout as error:
            raise TenantBusy from error

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        holder = self._holders.pop(record, None) if self._shares is not None else None
        if holder is not None and self._shares is not None:
            self._shares.give_back(holder)
