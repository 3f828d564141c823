"""Gives programs access tokens for their credentials (RFC 6749 §4.4) and takes them back (RFC 7009)."""

import hmac
import secrets
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import (
    FlaskOAuth2Payload,
    FlaskOAuth2Request,
)
from authlib.oauth2 import OAuth2Error, OAuth2Request
from authlib.oauth2.rfc6749 import ClientMixin, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from flask import Blueprint, Response, request
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from trilend.api.idempotency import forget_old_keys
from trilend.api.programs import digest_of
from trilend.config import settings
from trilend.db.base import now
from trilend.identity.models import ApiClient, ApiToken
from trilend.tenancy.context import bookkeeping, tenant_session

TOKEN_SECONDS = 3600
_METHODS = ["client_secret_basic", "client_secret_post"]
_NOBODYS_HASH = "0" * 64

blueprint = Blueprint("api_oauth", __name__, url_prefix="/oauth")


class Credentials(ClientMixin):  # type: ignore[misc]
    """A client as Authlib sees it. One that does not exist or is switched off fails like a wrong secret does."""

    def __init__(self, client_id: str, row: ApiClient | None) -> None:
        self.client_id = client_id
        self.row = row

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare digests in constant time."""
        given = sha256(client_secret.encode()).hexdigest()
        return hmac.compare_digest(given, self.row.secret_hash if self.row else _NOBODYS_HASH)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """Every program has a secret and must show it."""
        return method in _METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        """Programs act for themselves only."""
        return bool(grant_type == ClientCredentialsGrant.GRANT_TYPE)

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What is asked for if the program may have all of it, everything it may have if nothing is asked for."""
        held = set(self.row.scopes.split() if self.row else ())
        wanted = set((scope or "").split()) or held
        return " ".join(sorted(wanted)) if wanted <= held else None


class ProgramGrant(ClientCredentialsGrant):  # type: ignore[misc]
    """Credentials in the Authorization header or in the form."""

    TOKEN_ENDPOINT_AUTH_METHODS = _METHODS

    def validate_requested_scope(self) -> None:
        """Refuse, and do not narrow, a scope that the program may not have."""
        if self.request.client.get_allowed_scope(self.request.payload.scope) is None:
            raise InvalidScopeError(description="The program may not have this scope.")

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Issue the token; unlike the base, without writing it to the log."""
        token = self.generate_token(scope=self.request.payload.scope, include_refresh_token=False)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class HeldToken:
    """A stored token as Authlib sees it when it is to be revoked."""

    def __init__(self, row: ApiToken) -> None:
        self.row = row

    def check_client(self, client: Credentials) -> bool:
        """Whether the token was issued to this client."""
        return client.row is not None and self.row.client_id == client.row.id


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """Revokes a token of the program that asks."""

    CLIENT_AUTH_METHODS = _METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> HeldToken | None:
        """The token, if it is one of this tenant."""
        row = tenant_session.get(ApiToken, digest_of(token_string))
        return HeldToken(row) if row else None

    def revoke_token(self, token: HeldToken, request: OAuth2Request) -> None:
        """Mark the token as revoked."""
        with bookkeeping():
            token.row.revoked = True
            tenant_session.commit()


class TokenRequest(FlaskOAuth2Request):  # type: ignore[misc]
    """The running request at the installation's own address.

    Authlib insists on https except on the loopback host. What it must judge is the address that programs use, not
    the plain hop between proxy and server, and not a header that anybody can send.
    """

    def __init__(self) -> None:
        address = settings().base_url.rstrip("/") + request.path
        OAuth2Request.__init__(self, method=request.method, uri=address, headers=request.headers)
        self._request = request
        self.payload = FlaskOAuth2Payload(request)


class TokenServer(AuthorizationServer):  # type: ignore[misc]
    """Authlib's server on the bound tenant's clients and tokens."""

    def query_client(self, client_id: str) -> Credentials:
        """The active client with this id, or one that no secret fits."""
        # A NUL cannot be stored and so names nobody; PostgreSQL would refuse to look for it.
        wanted = select(ApiClient).where(ApiClient.client_id == client_id.replace("\0", ""), ApiClient.active.is_(True))
        return Credentials(client_id, tenant_session.scalar(wanted))

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Keep the digest of a new token, and forget what has run out."""
        session, client = tenant_session(), request.client.row
        with bookkeeping():
            self._keep(session, client, token)

    def _keep(self, session: Session, client: ApiClient, token: dict[str, Any]) -> None:
        session.execute(delete(ApiToken).where(ApiToken.client_id == client.id, ApiToken.expires_at < func.now()))
        forget_old_keys(session, client.id)
        session.add(
            ApiToken(
                digest=digest_of(token["access_token"]),
                client_id=client.id,
                scopes=token["scope"],
                expires_at=now() + timedelta(seconds=token["expires_in"]),
            )
        )
        session.commit()

    def create_oauth2_request(self, request: object) -> TokenRequest:
        """The running request."""
        return TokenRequest()


def new_token(**_of: object) -> str:
    """A token that nobody can guess, with a prefix by which scanners of leaked secrets know it."""
    return f"tt_{secrets.token_urlsafe(32)}"


def token_server() -> TokenServer:
    """The server with the one grant there is."""
    server = TokenServer()
    server.register_token_generator("default", BearerTokenGenerator(new_token, expires_generator=TOKEN_SECONDS))
    server.register_grant(ProgramGrant)
    server.register_endpoint(Revocation)
    return server


_server = token_server()


@blueprint.post("/token")
def issue_token() -> Response:
    """Exchange client credentials for an access token."""
    return _answer(lambda: _server.create_token_response())


@blueprint.post("/revoke")
def revoke_token() -> Response:
    """End an access token before its time."""
    return _answer(lambda: _server.create_endpoint_response(Revocation.ENDPOINT_NAME))


def _answer(respond: Callable[[], Response]) -> Response:
    try:
        response = respond()
    except OAuth2Error as error:
        response = _server.handle_error_response(None, error)
    response.headers.setdefault("Cache-Control", "no-store")
    return response
