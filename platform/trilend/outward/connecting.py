"""Connects to addresses that were looked at, by their number, and looks at the peer once more."""

import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import httpcore

from trilend.outward.addresses import NotPublic, check, resolved

Resolve = Callable[[str, int], Sequence[str]]
Check = Callable[[str], None]


class PublicOnly(httpcore.NetworkBackend):
    """For a pool of httpcore: whatever a name would resolve to a moment later, the connection goes where it was meant to.

    `resolve` gives the addresses of a host and refuses those that may not be reached, `peer` looks at who has answered.
    All waits together end after `seconds`, those between drops that trickle included.
    """

    def __init__(self, seconds: float, *, resolve: Resolve, peer: Check) -> None:
        self._deadline = time.monotonic() + seconds
        self._resolve = resolve
        self._peer = peer
        self._network = httpcore.SyncBackend()

    @classmethod
    def usual(cls, seconds: float, *, here: bool = False) -> "PublicOnly":
        """By the machine's own resolver; `here` as in `addresses.check`."""
        return cls(seconds, resolve=partial(resolved, here=here), peer=partial(check, here=here))

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """The first address that takes the connection; raises `NotPublic`, and httpcore's errors."""
        failure: Exception = httpcore.ConnectError(host)
        for address in self._addresses(host, port):
            try:
                stream = self._network.connect_tcp(address, port, self._left(httpcore.ConnectTimeout) / 2)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
                continue
            try:
                self._peer(str(stream.get_extra_info("server_addr")[0]))
            except NotPublic:
                stream.close()
                raise
            return _Hurried(stream, self._left)
        raise failure

    def _addresses(self, host: str, port: int) -> Sequence[str]:
        try:
            return self._resolve(host, port)
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error

    def _left(self, over: type[httpcore.TimeoutException] = httpcore.ReadTimeout) -> float:
        """Seconds until the deadline; raises once it has passed."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise over("the time for this host is over")
        return left


class _Hurried(httpcore.NetworkStream):
    """A stream of which no single wait outlasts the time that is left for the whole."""

    def __init__(self, stream: httpcore.NetworkStream, left: Callable[[], float]) -> None:
        self._stream = stream
        self._left = left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What there is."""
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all."""
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same stream, encrypted; the certificate must be the host's."""
        return _Hurried(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._left)

    def get_extra_info(self, info: str) -> Any:
        """What the stream below knows."""
        return self._stream.get_extra_info(info)
