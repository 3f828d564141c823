"""What the host hands to every hook call: configuration, named secrets, HTTP, a clock and a logger."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True)
class HttpRequest:
    """One HTTP request; `trust_pem` names the certificate authority to trust instead of the public ones."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes = b""
    timeout_seconds: float = 10.0
    trust_pem: str | None = None


@dataclass(frozen=True)
class HttpResponse:
    """The answer to an HTTP request; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class HttpClient(Protocol):
    """The only way out for a plugin: the host checks the address against manifest and tenant policy."""

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request.

        Raises `Retryable` when the request never left (no connection), `OutcomeUnknown` when it may have arrived
        but no whole answer came back, `Terminal` when the address is not allowed.
        """
        ...


class Logger(Protocol):
    """A structured logger; values are redacted by the host."""

    def info(self, event: str, **values: Any) -> None:
        """Record that something went as meant."""
        ...

    def warning(self, event: str, **values: Any) -> None:
        """Record that something should be looked at."""
        ...


@dataclass(frozen=True)
class PluginContext:
    """One call's surroundings.

    `config` is what the tenant entered (valid against the manifest's schema), `secrets` the named secrets of the
    manifest, `clock` gives the present instant in UTC.
    """

    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    http: HttpClient
    clock: Callable[[], datetime]
    log: Logger
