"""Fetches what a company's provider publishes, from public addresses only and never more than a little."""

import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import httpx

from trilend.config import settings

_MOST_BYTES = 1024 * 1024
_SECONDS = 8
# Networks in which an IPv4 address of any kind may hide.
_TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))


class AddressRefused(httpx.TransportError):
    """The address is not one that the platform fetches from."""


class AnswerTooLarge(httpx.TransportError):
    """The answer is larger than anything a provider has to say."""


def is_allowed_url(url: str) -> bool:
    """Whether a URL may be asked or linked to: HTTPS, or plain HTTP on a machine on which the operator tries things out."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    schemes = ("https", "http") if settings().allow_loopback_egress else ("https",)
    return parsed.scheme in schemes and bool(parsed.host) and not parsed.userinfo


class GuardedTransport(httpx.HTTPTransport):
    """Looks a host up once, refuses private addresses, and connects to the very address it has looked at."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; raises `AddressRefused` and `AnswerTooLarge` beside what httpx raises."""
        if not is_allowed_url(str(request.url)):
            raise AddressRefused("only HTTPS is fetched", request=request)
        host = request.url.host
        address = _public_address(request)
        # Certificate and virtual host are still those of the name: the Host header was set before.
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)
        answer = super().handle_request(request)
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=_Limited(answer.stream), extensions=answer.extensions
        )


class _Limited(httpx.SyncByteStream):
    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        taken = 0
        for part in self._stream:
            taken += len(part)
            if taken > _MOST_BYTES:
                raise AnswerTooLarge("the answer is too large")
            yield part

    def close(self) -> None:
        self._stream.close()


def client_options() -> dict[str, Any]:
    """How every client of this area is made: guarded, without redirects, and without what the environment says."""
    return {
        "transport": GuardedTransport(trust_env=False),
        "timeout": _SECONDS,
        "follow_redirects": False,
        "trust_env": False,
    }


def _public_address(request: httpx.Request) -> str:
    url = request.url
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        found = [entry[4][0] for entry in socket.getaddrinfo(url.host, port, proto=socket.IPPROTO_TCP)]
    except OSError as error:
        raise httpx.ConnectError("the host name does not resolve", request=request) from error
    addresses = [str(address) for address in found]
    if not settings().allow_loopback_egress and not all(map(is_public, addresses)):
        raise AddressRefused("this address is private to the platform's network", request=request)
    return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet; one that stands for an IPv4 address counts as that."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return is_public(str(parsed.ipv4_mapped))
        if any(parsed in network for network in _TRANSLATED):
            return False
    return parsed.is_global and not parsed.is_multicast
