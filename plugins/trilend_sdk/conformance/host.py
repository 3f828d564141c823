"""A small host for conformance tests: a store, a log, real HTTPS, and a context made of them."""

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from trilend_sdk.context import HttpRequest, HttpResponse, PluginContext
from trilend_sdk.errors import OutcomeUnknown, Retryable
from trilend_sdk.manifest import Holder, Manifest
from trilend_sdk.placeholders import Placeholders


@dataclass
class MemoryStore:
    """A connection's store that lives as long as the test."""

    values: dict[str, tuple[bytes, float | None]] = field(default_factory=dict)

    def get(self, key: str) -> bytes | None:
        """See `trilend_sdk.context.Store`."""
        value, until = self.values.get(key, (None, None))
        return None if until is not None and until < time.time() else value

    def put(self, key: str, value: bytes, *, seconds: float | None = None) -> None:
        """See `trilend_sdk.context.Store`."""
        self.values[key] = (value, None if seconds is None else time.time() + seconds)

    def add(self, key: str, value: bytes, *, seconds: float | None = None) -> bool:
        """See `trilend_sdk.context.Store`."""
        if self.get(key) is not None:
            return False
        self.put(key, value, seconds=seconds)
        return True

    def delete(self, key: str) -> None:
        """See `trilend_sdk.context.Store`."""
        self.values.pop(key, None)


@dataclass
class RecordingLog:
    """Keeps what was logged."""

    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **values: Any) -> None:
        """Keep the event."""
        self.events.append((event, values))

    def warning(self, event: str, **values: Any) -> None:
        """Keep the event."""
        self.events.append((event, values))


@dataclass(frozen=True)
class DirectHttp:
    """HTTPS straight from this process, failing as the host's egress does; placeholders of secrets are filled in."""

    placeholders: Placeholders = field(default_factory=lambda: Placeholders.of({}))

    def send(self, request: HttpRequest) -> HttpResponse:
        """See `trilend_sdk.context.HttpClient`."""
        filled = self.placeholders.fill(request)
        parts = urlsplit(filled.url)
        trust = ssl.create_default_context(cadata=filled.trust_pem)
        line = http.client.HTTPSConnection(
            parts.hostname or "", parts.port, timeout=filled.timeout_seconds, context=trust
        )
        try:
            line.connect()
        except OSError as error:
            raise Retryable(f"no connection: {error}", "unreachable") from error
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            line.request(filled.method, path, filled.content, dict(filled.headers))
            answer = line.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return HttpResponse(answer.status, headers, answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise OutcomeUnknown(f"no whole answer: {type(error).__name__}", "no_answer") from error
        finally:
            line.close()


def context(
    manifest: Manifest, config: Mapping[str, Any], secrets: Mapping[str, str] | None = None, **services: Any
) -> PluginContext:
    """A context as the host makes it: secrets that the host holds are placeholders, filled in by the HTTP client."""
    given = dict(secrets or {})
    held = {secret.name for secret in manifest.secrets if secret.held_by is Holder.HOST}
    placeholders = Placeholders.of({name: value for name, value in given.items() if name in held})
    values: dict[str, Any] = {
        "http": DirectHttp(placeholders),
        "clock": lambda: datetime.now(UTC),
        "log": RecordingLog(),
        "store": MemoryStore(),
        "connection": "1",
        "callback_url": "https://trilend.example/callbacks/1",
    }
    return PluginContext(config=config, secrets=given | dict(placeholders.by_name), **(values | services))
