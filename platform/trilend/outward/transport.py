"""A transport for httpx that reaches public addresses only, and reads no more than it is told."""

import ssl
from collections.abc import Iterator

import httpcore
import httpx

from trilend.outward.connecting import PublicOnly


class AnswerTooLarge(httpx.TransportError):
    """The answer is larger than anything that is worth reading."""


class PublicTransport(httpx.HTTPTransport):
    """Sends requests over connections of `PublicOnly`; raises its `NotPublic` and `AnswerTooLarge` beside httpx's errors.

    Good for one exchange or a few: all of them together end after `seconds`. No proxy, nothing of the environment.
    """

    def __init__(
        self, *, seconds: float, most_bytes: int, here: bool = False, verify: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(trust_env=False)
        self._pool.close()
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify or ssl.create_default_context(), network_backend=PublicOnly.usual(seconds, here=here)
        )
        self._most_bytes = most_bytes

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request."""
        answer = super().handle_request(request)
        assert isinstance(answer.stream, httpx.SyncByteStream)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Limited(answer.stream, self._most_bytes),
            extensions=answer.extensions,
        )


class _Limited(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream, most_bytes: int) -> None:
        self._stream = stream
        self._most_bytes = most_bytes

    def __iter__(self) -> Iterator[bytes]:
        taken = 0
        for part in self._stream:
            taken += len(part)
            if taken > self._most_bytes:
                raise AnswerTooLarge("the answer is too large")
            yield part

    def close(self) -> None:
        self._stream.close()
