"""Hands out the file that proves a domain, once the domain itself leads to the platform."""

from flask import Blueprint, Response, abort, request

from trilend.tenancy.context import RegistrySession, current_tenant
from trilend.tenancy.domains.proof import FILE_PATH, record_text
from trilend.tenancy.domains.service import published_at
from trilend.tenancy.routing import name_of

blueprint = Blueprint("trilend_well_known", __name__)


@blueprint.get(FILE_PATH)
def proof_of_domain() -> Response:
    """The proof of the company that has this domain already; nobody else's, so that a forgotten CNAME proves nothing."""
    with RegistrySession() as registry:
        token = published_at(registry, current_tenant().id, name_of(request.host) or "")
    if token is None:
        abort(404)
    return Response(record_text(token) + "\n", mimetype="text/plain", headers={"Cache-Control": "no-store"})
