"""Fetches a small file from a host that somebody named, who may try to have us ask our own network instead.

The name is resolved here, every address it has must be public, one of them is connected to by its number, and the peer
is looked at once more when it has answered. No redirect is followed, no proxy used, no cookie or credential sent; all
of it, drops that trickle included, ends after a few seconds and a few thousand bytes.
"""

import ipaddress
import ssl
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.resolver
import httpcore

from trilend.config import settings

SECONDS = 8.0
MOST_BYTES = 4096
_AGENT = b"Trilend domain check"
# Addresses that carry another one inside: it is the inner one that would be reached.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotPublic(Exception):
    """The host has an address that is private, on this machine, or otherwise none of the public network."""


class NoHost(Exception):
    """The host has no address at all."""


class NoAnswer(Exception):
    """Nobody answered in time, or not in a way that can be understood."""


@dataclass(frozen=True)
class Fetched:
    """An answer: its status and the beginning of its content."""

    status: int
    content: bytes

    @property
    def redirects(self) -> bool:
        """Whether the host sends us elsewhere."""
        return 300 <= self.status < 400


def fetch(resolver: dns.resolver.Resolver, scheme: str, host: str, port: int, path: str) -> Fetched:
    """GET one file; raises `NotPublic`, `NoHost`, `NoAnswer`."""
    deadline = time.monotonic() + SECONDS
    addresses = addresses_of(resolver, host)
    url = httpcore.URL(scheme=scheme.encode(), host=host.encode(), port=port, target=path.encode())
    authority = host if port in (80, 443) else f"{host}:{port}"
    headers = [(b"Host", authority.encode()), (b"User-Agent", _AGENT), (b"Accept-Encoding", b"identity")]
    try:
        with (
            httpcore.ConnectionPool(
                ssl_context=ssl.create_default_context(), network_backend=_PublicOnly(addresses, deadline)
            ) as pool,
            pool.stream("GET", url, headers=headers) as answer,
        ):
            return Fetched(answer.status, _beginning(answer.iter_stream()))
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise NoAnswer(str(error)) from error


def addresses_of(resolver: dns.resolver.Resolver, host: str) -> Sequence[Address]:
    """The public addresses of a host, as the DNS says now; one that is not public refuses them all."""
    found: list[Address] = []
    asked_in_vain = 0
    for family in ("A", "AAAA"):
        try:
            answer = resolver.resolve(f"{host}.", family, lifetime=SECONDS / 2)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        except dns.exception.DNSException:
            asked_in_vain += 1
            continue
        found += [ipaddress.ip_address(row.address) for row in answer]
    if not found and asked_in_vain:
        raise NoAnswer(host)
    if not found:
        raise NoHost(host)
    for address in found:
        _check(address)
    return found


def is_public(address: Address) -> bool:
    """Whether an address is one of the public network; what it carries inside counts."""
    inner = _inner(address)
    return is_public(inner) if inner is not None else _is_global(address)


def _is_global(address: Address) -> bool:
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not address.is_multicast and not site_local


def _inner(address: Address) -> ipaddress.IPv4Address | None:
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)


def _check(address: Address) -> None:
    if not is_public(address) and not (address.is_loopback and settings().allow_loopback_egress):
        raise NotPublic(str(address))


def _beginning(pieces: Iterable[bytes]) -> bytes:
    content = b""
    for piece in pieces:
        content += piece
        if len(content) > MOST_BYTES:
            break
    return content[:MOST_BYTES]


class _PublicOnly(httpcore.NetworkBackend):
    """Connects to the addresses that were looked at, whatever the name would resolve to by now."""

    def __init__(self, addresses: Sequence[Address], deadline: float) -> None:
        self._addresses = addresses
        self._deadline = deadline
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """The first address that takes the connection, if the peer is who we meant."""
        failure: httpcore.NetworkError | httpcore.TimeoutException = httpcore.ConnectError(host)
        for address in self._addresses:
            try:
                stream = self._network.connect_tcp(str(address), port, timeout=_left(self._deadline) / 2)
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
                failure = error
                continue
            try:
                _check(ipaddress.ip_address(stream.get_extra_info("server_addr")[0].partition("%")[0]))
            except NotPublic:
                stream.close()
                raise
            return _Hurried(stream, self._deadline)
        raise failure


class _Hurried(httpcore.NetworkStream):
    """A stream of which no single wait outlasts the deadline of the whole."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What there is."""
        return self._stream.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all."""
        self._stream.write(buffer, _left(self._deadline))

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same stream, encrypted; the certificate must be the host's."""
        return _Hurried(self._stream.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """What the stream below knows."""
        return self._stream.get_extra_info(info)


def _left(deadline: float) -> float:
    """Seconds until the deadline; raises `ReadTimeout` once it has passed."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the time for this host is over")
    return left
