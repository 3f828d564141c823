"""The addresses at which programs get, ask about and end tokens, and where they learn of all this (RFC 8414)."""

from collections.abc import Callable

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, jsonify, request

from trilend.api.interface import interface_of_tenant
from trilend.api.oauth.clients import METHODS, SECRET_METHODS
from trilend.api.oauth.endpoints import Introspection, Revocation
from trilend.api.oauth.server import SERVER
from trilend.config import settings
from trilend.tenancy.context import bookkeeping

METADATA = "/.well-known/oauth-authorization-server"

blueprint = Blueprint("api_oauth", __name__)


@blueprint.post("/oauth/token")
def issue_token() -> Response:
    """Exchange credentials, a code or a refresh token for an access token."""
    return _answer(SERVER.create_token_response)


@blueprint.post("/oauth/revoke")
def revoke_token() -> Response:
    """End a token before its time."""
    return _answer(lambda: SERVER.create_endpoint_response(Revocation.ENDPOINT_NAME))


@blueprint.post("/oauth/introspect")
def introspect_token() -> Response:
    """What one of the program's own tokens is worth."""
    return _answer(lambda: SERVER.create_endpoint_response(Introspection.ENDPOINT_NAME))


@blueprint.get(METADATA)
def metadata() -> Response:
    """Where everything is and what can be done there."""
    here = issuer()
    return jsonify(
        {
            "issuer": here,
            "authorization_endpoint": f"{here}/authorize/",
            "token_endpoint": f"{here}/oauth/token",
            "revocation_endpoint": f"{here}/oauth/revoke",
            "introspection_endpoint": f"{here}/oauth/introspect",
            "service_documentation": f"{here}/api/v1/_reference",
            "scopes_supported": interface_of_tenant().scopes,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["client_credentials", "authorization_code", "refresh_token"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": list(METHODS),
            "revocation_endpoint_auth_methods_supported": list(METHODS),
            "introspection_endpoint_auth_methods_supported": list(SECRET_METHODS),
            "authorization_response_iss_parameter_supported": True,
            "ui_locales_supported": ["zh-Hans", "zh-Hant", "en"],
        }
    )


def issuer() -> str:
    """The company as it is addressed in the running request, by the scheme of the installation."""
    return f"{settings().scheme}://{request.host}"


def _answer(respond: Callable[[], Response]) -> Response:
    with bookkeeping():
        try:
            response = respond()
        except OAuth2Error as error:
            response = SERVER.handle_error_response(None, error)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
