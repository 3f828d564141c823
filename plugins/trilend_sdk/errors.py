"""How a hook says that it failed, and whether trying again can help."""

from collections.abc import Mapping
from typing import Any


class PluginError(Exception):
    """A hook failed.

    `code` is short and stable; `message` is for the tenant's staff and tells no secret; `messages` are the same
    sentence by locale (`zh_Hans`, `zh_Hant`, `en`), where the plugin has them.
    """

    code = "plugin_error"

    def __init__(self, message: str, code: str | None = None, *, messages: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.messages = dict(messages or {})
        if code is not None:
            self.code = code

    def message_for(self, locale: str) -> str:
        """The sentence for a locale such as `zh_Hant_HK`, or `message` where the plugin has no other."""
        fits = (text for name, text in self.messages.items() if locale.startswith(name))
        return next(fits, self.message)

    def as_fields(self) -> dict[str, Any]:
        """The error as JSON values, to cross a process; `error_from` reads them."""
        return {
            "error": type(self).__name__,
            "message": self.message,
            "code": self.code,
            "messages": self.messages,
            "retry_after": getattr(self, "retry_after", None),
        }


class Retryable(PluginError):
    """Nothing happened outside; the same call may be made again, not before `retry_after` seconds where set."""

    code = "retryable"

    def __init__(
        self,
        message: str,
        code: str | None = None,
        *,
        messages: Mapping[str, str] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code, messages=messages)
        self.retry_after = retry_after


class Terminal(PluginError):
    """The other side refused and nothing happened; the same call will be refused again."""

    code = "terminal"


class CallbackRefused(Terminal):
    """A call-back that is not the other side's word: unsigned, wrongly signed, stale; the host answers 401."""

    code = "callback_refused"


class OutcomeUnknown(PluginError):
    """It is not known whether the call took effect outside: query its status, never send it again blind."""

    code = "outcome_unknown"


def error_from(fields: Mapping[str, Any]) -> PluginError:
    """The error that `as_fields` wrote; anything else becomes `OutcomeUnknown`."""
    message, code = str(fields.get("message", "")), str(fields.get("code", "outcome_unknown"))
    messages = {str(name): str(text) for name, text in dict(fields.get("messages") or {}).items()}
    if fields.get("error") == "Retryable":
        return Retryable(message, code, messages=messages, retry_after=fields.get("retry_after"))
    kinds: dict[Any, type[PluginError]] = {"Terminal": Terminal, "CallbackRefused": CallbackRefused}
    return kinds.get(fields.get("error"), OutcomeUnknown)(message, code, messages=messages)
