"""Fetches a small file from a host that somebody named, who may try to have us ask our own network instead.

The name is resolved here, every address it has must be public, one of them is connected to by its number, and the peer
is looked at once more when it has answered. No redirect is followed, no proxy used, no cookie or credential sent; all
of it, drops that trickle included, ends after a few seconds and a few thousand bytes.
"""

import ssl
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import dns.exception
import dns.resolver
import httpcore

from trilend.config import settings
from trilend.outward.addresses import check
from trilend.outward.connecting import PublicOnly

SECONDS = 8.0
MOST_BYTES = 4096
_AGENT = b"Trilend domain check"


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
    here = settings().allow_loopback_egress
    addresses = addresses_of(resolver, host, here=here)
    backend = PublicOnly(SECONDS, resolve=lambda _host, _port: addresses, peer=partial(check, here=here))
    url = httpcore.URL(scheme=scheme.encode(), host=host.encode(), port=port, target=path.encode())
    authority = host if port in (80, 443) else f"{host}:{port}"
    headers = [(b"Host", authority.encode()), (b"User-Agent", _AGENT), (b"Accept-Encoding", b"identity")]
    try:
        with (
            httpcore.ConnectionPool(ssl_context=ssl.create_default_context(), network_backend=backend) as pool,
            pool.stream("GET", url, headers=headers) as answer,
        ):
            return Fetched(answer.status, _beginning(answer.iter_stream()))
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, OSError) as error:
        raise NoAnswer(str(error)) from error


def addresses_of(resolver: dns.resolver.Resolver, host: str, *, here: bool) -> Sequence[str]:
    """The public addresses of a host, as the DNS says now; one that is not public refuses them all."""
    found: list[str] = []
    asked_in_vain = 0
    for family in ("A", "AAAA"):
        try:
            answer = resolver.resolve(f"{host}.", family, lifetime=SECONDS / 2)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            continue
        except dns.exception.DNSException:
            asked_in_vain += 1
            continue
        found += [row.address for row in answer]
    if not found and asked_in_vain:
        raise NoAnswer(host)
    if not found:
        raise NoHost(host)
    for address in found:
        check(address, here=here)
    return found


def _beginning(pieces: Iterable[bytes]) -> bytes:
    content = b""
    for piece in pieces:
        content += piece
        if len(content) > MOST_BYTES:
            break
    return content[:MOST_BYTES]
