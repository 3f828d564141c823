"""Why a document cannot be signed now, and what to do."""

from flask_babel import lazy_gettext as _l

from trilend.errors import Invalid, NotFound, Refused


class UnknownLink(NotFound):
    """The link is wrong, used up, or belongs to somebody else."""

    code = "unknown_signing_link"

    def __init__(self) -> None:
        super().__init__(_l("This signing link is not valid. Ask the company that sent it to you for a new one."))


class AlreadySigned(Refused):
    """This signatory has signed already."""

    code = "already_signed"

    def __init__(self) -> None:
        super().__init__(_l("This document has been signed already. There is nothing left to do."))


class NotYourTurn(Refused):
    """Somebody else signs first."""

    code = "not_your_turn"

    def __init__(self) -> None:
        super().__init__(_l("Somebody else signs this document first. You will be told when it is your turn."))


class ReadFirst(Refused):
    """The enforced reading time is not over."""

    code = "read_first"
    retry = True

    def __init__(self, seconds: int) -> None:
        super().__init__(
            _l("Please read the cost table first: you can sign in %(n)d seconds.", n=seconds), seconds=seconds
        )


class WrongCode(Invalid):
    """The one-time code is wrong or expired."""

    code = "wrong_code"

    def __init__(self) -> None:
        super().__init__(_l("The code is wrong or has expired. Check the newest message, or have a new code sent."))


class SigningFailed(Refused):
    """The signature service refused or failed; nothing has been signed."""

    code = "signing_failed"

    def __init__(self, why: str) -> None:
        super().__init__(_l("The signature could not be made, nothing has changed: %(why)s", why=why), why=why)


class TooManyCodes(Refused):
    """Too many wrong codes: a new one is needed."""

    code = "too_many_codes"

    def __init__(self) -> None:
        super().__init__(_l("Too many wrong codes. Have a new code sent and enter that one."))
