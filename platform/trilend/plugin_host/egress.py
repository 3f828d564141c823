"""The way out for plugins: one HTTP request at a time, to the hosts their manifest and configuration name."""

import ipaddress
import re
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx

from trilend.config import settings
from trilend.outward.addresses import NotPublic
from trilend.outward.transport import AnswerTooLarge, PublicTransport
from trilend_sdk.context import HttpRequest, HttpResponse
from trilend_sdk.errors import OutcomeUnknown, Retryable, Terminal
from trilend_sdk.placeholders import Placeholders

_FIELD = re.compile(r"\$\{([a-z_]+)\}")
_MAX_ANSWER = 20 * 1024 * 1024


class Egress:
    """An HTTP client bound to the hosts of one connection.

    HTTPS only, no redirects, no private addresses (unless the operator runs sandboxes on this machine), and no
    proxy or credential from this process's environment.
    """

    def __init__(self, hosts: frozenset[str], placeholders: Placeholders | None = None) -> None:
        self._hosts = hosts
        self._placeholders = placeholders or Placeholders.of({})

    def send(self, request: HttpRequest) -> HttpResponse:
        """Send one request; see `trilend_sdk.context.HttpClient.send` for the errors."""
        self._check(request.url)
        if request.auth is not None or request.client_certificate:
            raise Terminal("this host does not sign in for plugins yet", code="service_unavailable")
        request = self._placeholders.fill(request)
        context = ssl.create_default_context(cadata=request.trust_pem or None)
        transport = PublicTransport(
            seconds=request.timeout_seconds,
            most_bytes=_MAX_ANSWER,
            here=settings().allow_loopback_egress,
            verify=context,
        )
        try:
            with httpx.Client(transport=transport, follow_redirects=False, trust_env=False) as client:
                answer = client.request(
                    request.method, request.url, headers=dict(request.headers), content=request.content
                )
        except NotPublic as error:
            raise Terminal("this address is private to the platform's network", code="egress_refused") from error
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol) as error:
            raise Retryable(f"no connection: {error}", code="unreachable") from error
        except AnswerTooLarge as error:
            raise OutcomeUnknown("the answer is too large", code="answer_too_large") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"no whole answer: {type(error).__name__}", code="no_answer") from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpResponse(status=answer.status_code, headers=headers, content=answer.content)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme != "https" or (parts.hostname or "") not in self._hosts:
            raise Terminal("this address is not among the hosts the plugin may reach", code="egress_refused")


def is_for_trying_out(hosts: frozenset[str]) -> bool:
    """Whether all of a connection's hosts are sandboxes: on this machine, or named by the operator of the platform."""
    return bool(hosts) and all(_is_loopback(host) or host in settings().sandbox_hosts for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def allowed_hosts(egress: Sequence[str], config: Mapping[str, Any]) -> frozenset[str]:
    """Host names a connection may reach: those of the manifest, `${field}` meaning the host of a configured URL."""
    hosts = set()
    for entry in egress:
        field = _FIELD.fullmatch(entry)
        hosts.add(_host(str(config.get(field[1], ""))) if field else entry)
    return frozenset(hosts - {""})


def _host(address: str) -> str:
    """The host of a URL, or of a bare host name."""
    return urlsplit(address if "//" in address else f"//{address}").hostname or ""
