"""Sends one request to an address that somebody has entered, and to nothing inside of our own network.

The host is resolved once, every address it has is judged, and the connection goes to a judged address itself: a name
that answers otherwise a moment later changes nothing. No redirects, no proxy, no cookies; bounded time and size.
"""

import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore
from flask_babel import lazy_gettext as _l

from trilend.config import settings
from trilend.webhooks.errors import WrongAddress

SECONDS = 15.0
MOST_BYTES = 64 * 1024
_CONNECT_SECONDS = 5.0


@dataclass(frozen=True)
class Outcome:
    """What came back: a status and the beginning of the body, or the sort of failure."""

    status: int | None
    failure: str
    answer: str
    milliseconds: int

    @property
    def is_good(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class _AddressRefused(Exception):
    """The host is at an address of our own network."""


class _TooLarge(Exception):
    """The answer does not end."""


def check_address(url: str) -> None:
    """Raise `WrongAddress` with what to do, for an address that nothing may be sent to."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError as error:
        raise WrongAddress(_l("Enter a whole address, such as https://books.example/trilend.")) from error
    is_plain = url.isascii() and url.isprintable() and " " not in url
    if not host or not is_plain or parts.scheme not in ("https", "http"):
        raise WrongAddress(_l("Enter a whole address, such as https://books.example/trilend."))
    if "@" in parts.netloc or parts.fragment:
        raise WrongAddress(_l("Leave out user names, passwords and what follows a “#”."))
    if _is_excepted(host):
        return
    if parts.scheme != "https":
        raise WrongAddress(_l("The address must begin with https://, so that nobody reads along."))
    try:
        _judged(host, port)
    except OSError as error:
        raise WrongAddress(_l("This host name is not known on the internet. Check its spelling.")) from error
    except _AddressRefused as error:
        raise WrongAddress(_l("This host is not on the public internet.")) from error


def post(url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send one POST; whatever happens comes back as an outcome."""
    began = time.monotonic()
    status, failure, answer = _posted(url, headers, body, began + SECONDS)
    return Outcome(status, failure, answer, round((time.monotonic() - began) * 1000))


def _posted(url: str, headers: Mapping[str, str], body: bytes, deadline: float) -> tuple[int | None, str, str]:
    try:
        check_address(url)
        with httpcore.ConnectionPool(ssl_context=ssl.create_default_context(), network_backend=_Judged()) as pool:
            timeouts = {"connect": _CONNECT_SECONDS, "read": SECONDS, "write": SECONDS, "pool": SECONDS}
            extensions = {"timeout": timeouts}
            with pool.stream(
                "POST", url, headers=list(headers.items()), content=body, extensions=extensions
            ) as response:
                content = _read(response.iter_stream(), deadline)
                failure = "redirect" if 300 <= response.status < 400 else ""
                failure = failure or ("" if 200 <= response.status < 300 else "status")
                return response.status, failure, content.decode("utf-8", "replace")
    except (WrongAddress, _AddressRefused):
        return None, "address_refused", ""
    except _TooLarge:
        return None, "answer_too_large", ""
    except (httpcore.TimeoutException, TimeoutError):
        return None, "timeout", ""
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError):
        return None, "unreachable", ""


def _read(chunks: Iterable[bytes], deadline: float) -> bytes:
    content = b""
    for chunk in chunks:
        content += chunk
        if len(content) > MOST_BYTES:
            raise _TooLarge
        if time.monotonic() > deadline:
            raise TimeoutError
    return content


class _Judged(httpcore.SyncBackend):
    """Connects to addresses that have been judged, and to no others."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore.NetworkStream:
        """Resolve, judge, and connect to the first judged address that answers."""
        addresses = [host] if _is_excepted(host) else _judged(host, port)
        problem: Exception | None = None
        for address in addresses:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                problem = error
        raise problem or httpcore.ConnectError("the name has no address")


def _judged(host: str, port: int) -> list[str]:
    """All addresses of a host; raises `_AddressRefused` if one of them is not on the public internet."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not all(is_public(address) for address in addresses):
        raise _AddressRefused(host)
    return addresses


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whatever form it is wrapped in."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if found in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found.is_global and not found.is_multicast and not found.is_reserved


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def _is_excepted(host: str) -> bool:
    """Whether the operator lets events go to this host, although it is inside of the network or without TLS."""
    return host.lower() in settings().webhook_hosts
