"""Why a sandbox server refuses a request or cannot start."""


class Refusal(Exception):
    """A request that is not carried out; `status` is the HTTP status, `code` stable, `message` for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class StartFailure(Exception):
    """The server cannot start; the text says why in one sentence."""
