"""What a tenant meets when it has used up its share of the database, or asked for too much at once."""

from flask_babel import lazy_gettext as _l
from psycopg import errors
from sqlalchemy.exc import DBAPIError

from trilend.errors import TrilendError


class TenantBusy(TrilendError):
    """The tenant's share of connections or requests is in use; nothing has been done. Others are not concerned."""

    code = "busy"
    status = 503
    retry = True
    retry_after = 2

    def __init__(self) -> None:
        super().__init__(
            _l("Too many requests of your company are running at once. Wait a few seconds, then try again.")
        )


class TookTooLong(TrilendError):
    """A statement or a transaction reached its time limit and was undone."""

    code = "took_too_long"
    status = 503
    retry = True
    retry_after = 10

    def __init__(self) -> None:
        super().__init__(
            _l("This took too long and was stopped; nothing was changed. Ask for less at a time, or try again later.")
        )


_LIMITS = (errors.QueryCanceled, errors.LockNotAvailable, errors.TransactionTimeout)
_BUSY = (errors.TooManyConnections, errors.ConfigurationLimitExceeded)


def limit_reached(error: DBAPIError) -> TrilendError | None:
    """What to tell a person when a limit of the database stopped their work; None for any other fault."""
    if isinstance(error.orig, _LIMITS):
        return TookTooLong()
    return TenantBusy() if isinstance(error.orig, _BUSY) else None
