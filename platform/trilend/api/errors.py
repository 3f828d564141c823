"""What can be wrong with a call of the REST interface before any business begins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, Refused


@dataclass(frozen=True)
class FieldFault:
    """What is wrong with one value of a call; `field` is a dotted path into the body, or a parameter's name."""

    field: str
    code: str
    detail: str


class FaultyCall(Refused):
    """A fault of the call itself; `hint` says what its author can do, `headers` go with the answer."""

    hint: ClassVar[Any] = None

    @property
    def headers(self) -> dict[str, str]:
        """Headers that the answer carries."""
        return {}


class TokenMissing(FaultyCall):
    """The call carries no access token."""

    code = "token_missing"
    status = 401
    hint = _l("Get a token at /oauth/token and send it as “Authorization: Bearer …”.")

    def __init__(self) -> None:
        super().__init__(_l("This call needs an access token."))

    @property
    def headers(self) -> dict[str, str]:
        """Names the way to identify oneself (RFC 6750 §3)."""
        return {"WWW-Authenticate": "Bearer"}


class TokenRefused(FaultyCall):
    """The token is unknown here, expired or revoked, or its program has been switched off; it is not said which."""

    code = "token_refused"
    status = 401
    hint = TokenMissing.hint

    def __init__(self) -> None:
        super().__init__(_l("This access token is not valid here, or no longer valid."))

    @property
    def headers(self) -> dict[str, str]:
        """The error code of RFC 6750 §3.1."""
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}


class ScopeMissing(FaultyCall):
    """The token does not allow this operation."""

    code = "scope_missing"
    status = 403
    hint = _l("Ask for a token with this scope; an administrator decides which scopes a program may have.")

    def __init__(self, scope: str) -> None:
        super().__init__(_l("The access token lacks the scope %(scope)s.", scope=scope), scope=scope)

    @property
    def headers(self) -> dict[str, str]:
        """The error code of RFC 6750 §3.1 with the scope that is needed."""
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{self.details["scope"]}"'}


class PersonMayNot(FaultyCall):
    """The token allows the operation, but the person for whom the program acts does not hold the permission for it."""

    code = "person_may_not"
    status = 403
    hint = _l("Ask an administrator of the company to give the person the permission; the token need not be renewed.")

    def __init__(self, scope: str) -> None:
        super().__init__(_l("The person for whom this program acts may not do this."), scope=scope)


class TooManyCalls(FaultyCall):
    """The program has used up its calls of the last minute; `seconds` until the next one is allowed."""

    code = "too_many_calls"
    status = 429
    retry = True
    hint = _l("Spread calls evenly, read lists in large pages, and go by the RateLimit headers of each answer.")

    def __init__(self, limit: int, seconds: int, told: Mapping[str, str]) -> None:
        super().__init__(
            _l("This program makes more than %(limit)d calls a minute.", limit=limit), limit=limit, seconds=seconds
        )
        self._told = told

    @property
    def headers(self) -> dict[str, str]:
        """When to come back, and how the bucket stands."""
        return {"Retry-After": str(self.details["seconds"]), **self._told}


class InvalidCall(Invalid):
    """Values of the call do not fit the operation; `faults` says which and why."""

    code = "invalid_request"

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__(_l("Correct the values named."))
        self.faults = tuple(faults)


class MalformedBody(FaultyCall):
    """The body is no JSON."""

    code = "malformed_body"
    status = 400
    hint = _l("Send one JSON object in UTF-8.")

    def __init__(self) -> None:
        super().__init__(_l("The body of the request is not valid JSON."))


class WrongMediaType(FaultyCall):
    """The body is of another type than JSON."""

    code = "wrong_media_type"
    status = 415
    hint = _l("Add the header “Content-Type: application/json”.")

    def __init__(self) -> None:
        super().__init__(_l("Send the body as application/json."))


class IdempotencyMismatch(FaultyCall):
    """An idempotency key names one request; this is another one."""

    code = "idempotency_mismatch"
    status = 422
    hint = _l("Make a new key for each new request, and repeat a key only with the very same request.")

    def __init__(self) -> None:
        super().__init__(_l("This idempotency key was used for another request."))


class StillInFlight(FaultyCall):
    """A request with the same idempotency key is being worked on at this moment."""

    code = "idempotency_in_flight"
    status = 409
    retry = True
    hint = _l("Wait as long as the header Retry-After says, then send the very same request again.")

    def __init__(self) -> None:
        super().__init__(_l("The same request is being worked on. Repeat it in a moment to get its answer."))

    @property
    def headers(self) -> dict[str, str]:
        """Seconds after which to ask again."""
        return {"Retry-After": "1"}


class Collision(Refused):
    """Two requests recorded the same thing at the same moment; the other one was first."""

    code = "collision"
    retry = True

    def __init__(self) -> None:
        super().__init__(
            _l("Somebody else recorded the same at this moment. Read the latest state, then decide again.")
        )
