"""Sends each request to the public site, the console or a tenant by its host name, and binds the tenant."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from trilend.config import settings
from trilend.db.errors import TenantBusy
from trilend.db.shares import Shares
from trilend.tenancy.context import BoundTenant, bound_request
from trilend.tenancy.errors import UnknownTenant
from trilend.tenancy.models import Door
from trilend.tenancy.plans.service import statement_seconds_of
from trilend.tenancy.service import tenant_by_host, tenant_by_slug

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_OPERATIONAL = ("/healthz", "/readyz", "/metrics")
CONSOLE = "console"
BUSY = "trilend.busy"
_PATIENCE = 0.5
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?")
_WITHOUT_DATABASE = "/static/"


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
        self._shares = Shares(settings().requests_per_tenant, _PATIENCE)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Serve one request."""
        host = environ.get("HTTP_HOST", "")
        label = subdomain(host)
        if environ.get("PATH_INFO") in _OPERATIONAL:
            hidden = environ["PATH_INFO"] == "/metrics" and not settings().metrics_on_public_hosts
            environ["trilend.unknown_host"] = hidden and label is not None
            _hide_unknown(environ, label)
            return self._public(environ, start_response)
        if label == "":
            return self._public(environ, start_response)
        if label == CONSOLE:
            return self._console(environ, start_response)
        try:
            tenant = tenant_by_slug(label) if label else tenant_by_host(name_of(host) or "")
        except UnknownTenant:
            environ["trilend.unknown_host"] = True
            _hide_unknown(environ, label)
            return self._public(environ, start_response)
        with self._share_of(tenant, environ), bound_request(tenant, _statement_seconds(tenant, environ)):
            serve = self._notice if tenant.admission.entry is Door.SHUT else self._tenant
            return serve(environ, start_response)

    @contextmanager
    def _share_of(self, tenant: BoundTenant, environ: "WSGIEnvironment") -> Iterator[None]:
        """Let so many requests of a tenant run at once; one too many is marked and refused before it does anything.

        Other companies find threads that are free, however many requests one of them sends.
        """
        if environ.get("PATH_INFO", "").startswith(_WITHOUT_DATABASE):
            yield
            return
        try:
            self._shares.take(tenant.id)
        except TenantBusy:
            environ[BUSY] = True
            yield
            return
        try:
            yield
        finally:
            self._shares.give_back(tenant.id)


def _statement_seconds(tenant: BoundTenant, environ: "WSGIEnvironment") -> int | None:
    """How long a statement of this request may take by the tenant's plan; what asks the database nothing has no need."""
    if environ.get("PATH_INFO", "").startswith(_WITHOUT_DATABASE):
        return None
    return statement_seconds_of(tenant.plan)


def name_of(host: str) -> str | None:
    """The name in a Host header, without the port; None for what is no name at all."""
    return host.split(":", 1)[0].lower() if _HOST.fullmatch(host) else None


def _hide_unknown(environ: "WSGIEnvironment", label: str | None) -> None:
    """What is not ours is shown nowhere, in no link either; and some of it is no name at all."""
    if label is None:
        environ["HTTP_HOST"] = settings().base_host


def subdomain(host: str) -> str | None:
    """The label below the base domain: empty for the bare domain, None for a host that is not ours."""
    name = name_of(host)
    if name is None:
        return None
    base = settings().base_host
    if name == base:
        return ""
    label, dot, rest = name.partition(".")
    return label if dot and rest == base else None
