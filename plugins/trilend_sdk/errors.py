"""How a hook says that it failed, and whether trying again can help."""


class PluginError(Exception):
    """A hook failed; `code` is short and stable, `message` is for the tenant's staff and tells no secret."""

    code = "plugin_error"

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code


class Retryable(PluginError):
    """Nothing happened outside; the same call may be made again later."""

    code = "retryable"


class Terminal(PluginError):
    """The other side refused; the same call will be refused again."""

    code = "terminal"


class OutcomeUnknown(PluginError):
    """It is not known whether the call took effect outside: query its status, never send it again blind."""

    code = "outcome_unknown"
