"""Sends each request to the public site, the console or a tenant by its host name, and binds the tenant."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from trilend.config import settings
from trilend.tenancy.context import bound
from trilend.tenancy.errors import UnknownTenant
from trilend.tenancy.models import Door
from trilend.tenancy.service import tenant_by_host, tenant_by_slug

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OPERATIONAL = ("/healthz", "/readyz", "/metrics")
CONSOLE = "console"


class HostRouter:
    """A WSGI application over four: only the Host header decides, forwarded headers are not looked at.

    A tenant whose door is shut is answered by `notice`, which can show nothing but why.
    """

    def __init__(
        self,
        *,
        public: "WSGIApplication",
        console: "WSGIApplication",
        tenant: "WSGIApplication",
        notice: "WSGIApplication",
    ) -> None:
        self._public = public
        self._console = console
        self._tenant = tenant
        self._notice = notice

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        host = environ.get("HTTP_HOST", "")
        label = subdomain(host)
        if environ.get("PATH_INFO") in _OPERATIONAL:
            hidden = environ["PATH_INFO"] == "/metrics" and not settings().metrics_on_public_hosts
            environ["trilend.unknown_host"] = hidden and label is not None
            return self._public(environ, start_response)
        if label == "":
            return self._public(environ, start_response)
        if label == CONSOLE:
            return self._console(environ, start_response)
        try:
            tenant = tenant_by_slug(label) if label else tenant_by_host(name_of(host))
        except UnknownTenant:
            environ["trilend.unknown_host"] = True
            return self._public(environ, start_response)
        with bound(tenant):
            serve = self._notice if tenant.admission.entry is Door.SHUT else self._tenant
            return serve(environ, start_response)


def name_of(host: str) -> str:
    """The name in a Host header, without the port."""
    return host.rsplit(":", 1)[0].lower() if not host.endswith("]") else host


def subdomain(host: str) -> str | None:
    """The label below the base domain: empty for the bare domain, None for a host that is not ours."""
    name = name_of(host)
    base = settings().base_host
    if name == base:
        return ""
    label, dot, rest = name.partition(".")
    return label if dot and rest == base else None
