"""The base of all errors that a user may see: a code, a sentence that says what to do, and whether a retry can help."""

from typing import Any, ClassVar


class TrilendError(Exception):
    """Something a person can understand and act upon.

    `code` is stable and goes into API answers; `message` is a lazily translated sentence; `status` the HTTP status
    that fits; `retry` says whether the same act may succeed later.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400
    retry: ClassVar[bool] = False

    def __init__(self, message: Any, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        return str(self.message)


class NotFound(TrilendError):
    """The thing asked for does not exist for this tenant and person."""

    code = "not_found"
    status = 404


class Refused(TrilendError):
    """The act is not allowed in this state or for this person."""

    code = "refused"
    status = 409


class Invalid(TrilendError):
    """What was entered does not make sense; `details` names the fields."""

    code = "invalid"
    status = 422
