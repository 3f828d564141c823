"""A pool of connections of which no single tenant can take more than its share."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection, QueuePool

from trilend.db.errors import TenantBusy


@dataclass(eq=False)
class _Stretch:
    """A stretch of work in one thread and how many connections it has open; the first one counts for `holder`."""

    holder: str
    open: int = 0


_stretch: ContextVar[_Stretch | None] = ContextVar("trilend_connection_holder", default=None)


@contextmanager
def held_by(holder: str) -> Iterator[None]:
    """Count the work inside against the share of `holder`, once, while it has any connection open.

    A second connection of the same work is not counted: it would wait for what it holds itself.
    """
    token = _stretch.set(_Stretch(holder))
    try:
        yield
    finally:
        _stretch.reset(token)


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
        self._taken: dict[ConnectionPoolEntry, _Stretch] = {}

    def distrust(self, connection: PoolProxiedConnection, error: BaseException) -> None:
        """Let every connection that was opened before now be opened anew when its turn comes: this one was lost."""
        self._invalidate(connection, error, _checkin=False)

    def recreate(self) -> "SharedPool":
        """The pool that takes this one's place after all connections were lost; shares go on as they are."""
        pool: Any = super().recreate()
        if self._shares is not None:
            pool.limit(self._shares)
        return pool  # type: ignore[no-any-return]

    def _do_get(self) -> ConnectionPoolEntry:
        stretch = _stretch.get()
        if self._shares is None or stretch is None:
            return self._within_patience()
        self._enter(stretch)
        try:
            entry = self._within_patience()
        except BaseException:
            self._leave(stretch)
            raise
        self._taken[entry] = stretch
        return entry

    def _enter(self, stretch: _Stretch) -> None:
        if self._shares is not None and not stretch.open:
            self._shares.take(stretch.holder)
        stretch.open += 1

    def _leave(self, stretch: _Stretch) -> None:
        stretch.open -= 1
        if self._shares is not None and not stretch.open:
            self._shares.give_back(stretch.holder)

    def _within_patience(self) -> ConnectionPoolEntry:
        try:
            return super()._do_get()
        except PoolTimeout as error:
            raise TenantBusy from error

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        stretch = self._taken.pop(record, None) if self._shares is not None else None
        if stretch is not None:
            self._leave(stretch)
