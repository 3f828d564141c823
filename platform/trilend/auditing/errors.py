"""What can go wrong when a log is signed, checked or taken out."""

from flask_babel import lazy_gettext as _l

from trilend.errors import NotFound, Refused, TrilendError


class TimestampUnavailable(TrilendError):
    """The timestamp authority gave no answer; later it may."""

    code = "timestamp_unavailable"
    status = 503
    retry = True

    def __init__(self, reason: str) -> None:
        super().__init__(
            _l("The timestamp authority did not answer (%(reason)s). It is asked again.", reason=reason), reason=reason
        )


class TimestampRefused(TrilendError):
    """The authority answered with something that proves nothing."""

    code = "timestamp_refused"
    status = 502

    def __init__(self, reason: str) -> None:
        super().__init__(
            _l(
                "The timestamp is not valid (%(reason)s). Compare TRILEND_TIMESTAMP_CERTIFICATES with the authority's own.",
                reason=reason,
            ),
            reason=reason,
        )


class ChainBroken(TrilendError):
    """The log is not what was written; nothing is signed before somebody has looked into it."""

    code = "audit_chain_broken"
    status = 409

    def __init__(self, number: int, kind: str) -> None:
        super().__init__(
            _l(
                "The audit log is not as it was written from no. %(number)s on. Tell the operator of the platform.",
                number=number,
            ),
            number=number,
            kind=kind,
        )


class TooManyLines(Refused):
    """A workbook holds fewer lines than were asked for."""

    code = "too_many_lines"

    def __init__(self, most: int) -> None:
        super().__init__(
            _l("A workbook holds %(most)s lines at most. Choose CSV or JSON Lines, or fewer days.", most=most),
            most=most,
        )


class ExportGone(NotFound):
    """An export that was made in the background has been deleted, its days being over."""

    code = "export_gone"

    def __init__(self, days: int) -> None:
        super().__init__(_l("This export is gone: it is kept for %(days)s days. Make a new one.", days=days), days=days)
