"""Puts the REST interface on the tenant application."""

import json
from collections.abc import Iterable

from flask import Blueprint, Flask, Response, current_app, render_template, request
from flask_wtf.csrf import CSRFProtect

from trilend.api import models as _models  # noqa: F401  # its table belongs to every blueprint
from trilend.api.execution import BASE, perform
from trilend.api.interface import EXTENSION, Interface, interface_of_tenant
from trilend.api.jobs import JOBS
from trilend.api.ledger import LEDGER
from trilend.api.oauth import sweeping as _sweeping  # noqa: F401  # its job belongs to every process
from trilend.api.oauth.views import METADATA
from trilend.api.oauth.views import blueprint as oauth_blueprint
from trilend.api.openapi import Json, describe
from trilend.api.parties import PARTIES
from trilend.api.problems import answer_http_error, problem_codes
from trilend.api.reference import reference_of, token_sample
from trilend.identity.scopes import SCOPES
from trilend.kinds import TenantKind, kinds
from trilend.tenancy.context import current_tenant
from trilend.web.shell import answer_errors_under

SHARED = (PARTIES, LEDGER, JOBS)
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

blueprint = Blueprint("api_v1", __name__, url_prefix=BASE)


def install_api(app: Flask, csrf: CSRFProtect, installed: Iterable[TenantKind]) -> dict[str, str]:
    """Register the interface; returns which blueprint belongs to which kind.

    None does: every kind has a table of addresses of its own, so that what belongs to another kind is not there, and
    two kinds may use the same address.
    """
    app.extensions[EXTENSION] = {kind.name: Interface((*kind.api(), *SHARED)) for kind in installed}
    app.extensions[f"{EXTENSION}_documents"] = {}
    for made in (blueprint, oauth_blueprint):
        app.register_blueprint(made)
        # A token is shown on purpose, a browser never sends one by itself.
        csrf.exempt(made)
    for prefix in ("/api/", "/oauth/"):
        answer_errors_under(app, prefix, answer_http_error)
    return {}


@blueprint.get("/_openapi")
def openapi() -> Response:
    """The description of the interface that this tenant has; it is the same for all tenants of a kind."""
    return Response(json.dumps(_document(), ensure_ascii=False), content_type="application/json")


@blueprint.get("/_reference")
def reference() -> str:
    """The same for people, with samples."""
    interface = interface_of_tenant()
    return render_template(
        "api/reference.html",
        resources=reference_of(_document(), interface, address=request.host_url.rstrip("/")),
        scopes={scope: SCOPES[scope] for scope in interface.scopes},
        events=kinds()[current_tenant().kind].events,
        problems=problem_codes(),
        token_sample=token_sample(request.host_url.rstrip("/")),
        metadata=METADATA,
    )


def _document() -> Json:
    documents: dict[str, Json] = current_app.extensions[f"{EXTENSION}_documents"]
    kind = current_tenant().kind
    if kind not in documents:
        documents[kind] = describe(interface_of_tenant(), title=f"Trilend: {kind}", events=kinds()[kind].events)
    return documents[kind]


@blueprint.route("/<path:address>", methods=_METHODS, provide_automatic_options=False)
def call(address: str) -> Response:
    """Any operation of the tenant's kind."""
    return perform(*interface_of_tenant().find(f"/{address}", request.method))
