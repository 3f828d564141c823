"""Why the bank refuses a request."""


class Refusal(Exception):
    """A request that is not carried out; `status` is the HTTP status, `code` stable, `message` for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class InsufficientBalance(Exception):
    """The payer's account holds less than the amount to be moved."""


class StartFailure(Exception):
    """The bank cannot start; the text says why in one sentence."""
