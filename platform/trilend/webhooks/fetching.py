"""Sends one request to an address that somebody has entered, and to nothing inside of our own network.

The host is resolved once, every address it has is judged, and the connection goes to a judged address itself: a name
that answers otherwise a moment later changes nothing. No redirects, no proxy, no cookies; bounded time and size.
"""

import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore
from flask_babel import lazy_gettext as _l

from trilend.config import settings
from trilend.outward.addresses import NotPublic, check, resolved
from trilend.outward.connecting import PublicOnly
from trilend.webhooks.errors import WrongAddress

SECONDS = 15.0
MOST_BYTES = 64 * 1024


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
        resolved(host, port)
    except OSError as error:
        raise WrongAddress(_l("This host name is not known on the internet. Check its spelling.")) from error
    except NotPublic as error:
        raise WrongAddress(_l("This host is not on the public internet.")) from error


def post(url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
    """Send one POST; whatever happens comes back as an outcome."""
    began = time.monotonic()
    status, failure, answer = _posted(url, headers, body)
    return Outcome(status, failure, answer, round((time.monotonic() - began) * 1000))


def _posted(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int | None, str, str]:
    try:
        check_address(url)
        backend = PublicOnly(SECONDS, resolve=_addresses, peer=_no_matter if _is_excepted(_host(url)) else check)
        with (
            httpcore.ConnectionPool(ssl_context=ssl.create_default_context(), network_backend=backend) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as response,
        ):
            content = _read(response.iter_stream())
            failure = "redirect" if 300 <= response.status < 400 else ""
            failure = failure or ("" if 200 <= response.status < 300 else "status")
            return response.status, failure, content.decode("utf-8", "replace")
    except (WrongAddress, NotPublic):
        return None, "address_refused", ""
    except _TooLarge:
        return None, "answer_too_large", ""
    except (httpcore.TimeoutException, TimeoutError):
        return None, "timeout", ""
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError):
        return None, "unreachable", ""


def _read(chunks: Iterable[bytes]) -> bytes:
    content = b""
    for chunk in chunks:
        content += chunk
        if len(content) > MOST_BYTES:
            raise _TooLarge
    return content


def _addresses(host: str, port: int) -> Sequence[str]:
    return [host] if _is_excepted(host) else resolved(host, port)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _no_matter(_address: str) -> None:
    """Where the operator has named the host, its address may be any."""


def _is_excepted(host: str) -> bool:
    """Whether the operator lets events go to this host, although it is inside of the network or without TLS."""
    return host.lower() in settings().webhook_hosts
