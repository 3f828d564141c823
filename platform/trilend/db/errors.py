"""What a tenant meets when it has used up its share of the database, or asked for too much at once."""

from typing import ClassVar

from flask_babel import lazy_gettext as _l
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from trilend.errors import TrilendError


class LimitReached(TrilendError):
    """A limit of time or number stopped the work; it may succeed after `retry_after` seconds."""

    status = 503
    retry = True
    retry_after: ClassVar[int] = 10


class TenantBusy(LimitReached):
    """The tenant's share of connections or requests is in use; nothing has been done. Others are not concerned."""

    code = "busy"
    retry_after = 2

    def __init__(self) -> None:
        super().__init__(
            _l("Too many requests of your company are running at once. Wait a few seconds, then try again.")
        )


class TookTooLong(LimitReached):
    """A statement or a transaction reached its time limit and was undone."""

    code = "took_too_long"

    def __init__(self) -> None:
        super().__init__(
            _l("This took too long and was stopped; nothing was changed. Ask for less at a time, or try again later.")
        )


_LIMITS = (errors.QueryCanceled, errors.LockNotAvailable, errors.TransactionTimeout)
_BUSY = (errors.TooManyConnections, errors.ConfigurationLimitExceeded)


def limit_reached(error: DBAPIError) -> LimitReached | None:
    """What to tell a person when a limit of the database stopped their work; None for any other fault."""
    if isinstance(error.orig, _LIMITS):
        return TookTooLong()
    return TenantBusy() if isinstance(error.orig, _BUSY) else None
