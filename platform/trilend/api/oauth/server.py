"""Authlib's authorization server on the bound tenant's clients and tokens."""

from datetime import timedelta
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.flask_oauth2.requests import (
    FlaskOAuth2Payload,
    FlaskOAuth2Request,
)
from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from flask import request
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from trilend.api.idempotency import forget_old_keys
from trilend.api.oauth.clients import Credentials
from trilend.api.oauth.endpoints import Introspection, Revocation
from trilend.api.oauth.grants import PersonGrant, ProgramGrant, RefreshGrant, S256Only
from trilend.api.oauth.tokens import TOKEN_SECONDS, keep_refresh_token, new_refresh_token, new_token
from trilend.api.programs import digest_of
from trilend.config import settings
from trilend.db.base import now
from trilend.identity.models import ApiClient, ApiGrant, ApiToken
from trilend.tenancy.context import tenant_session


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
    """Keeps what Authlib issues in the tenant's own schema: what is of another tenant does not exist here."""

    def query_client(self, client_id: str) -> Credentials:
        """The active client with this id, or one that no secret fits."""
        # A NUL cannot be stored and so names nobody; PostgreSQL would refuse to look for it.
        wanted = select(ApiClient).where(ApiClient.client_id == client_id.replace("\0", ""), ApiClient.active.is_(True))
        return Credentials(client_id, tenant_session.scalar(wanted))

    def save_token(self, token: dict[str, Any], request: OAuth2Request) -> None:
        """Keep the digests of new tokens, and forget what has run out. Commits."""
        session, client = tenant_session(), request.client.row
        grant = request.user if isinstance(request.user, ApiGrant) else None
        session.execute(delete(ApiToken).where(ApiToken.client_id == client.id, ApiToken.expires_at < func.now()))
        forget_old_keys(session, client.id)
        client.last_used_at = func.now()
        if grant is not None:
            grant.last_used_at = func.now()
            keep_refresh_token(session, grant, token["refresh_token"])
        self._keep(session, client, grant, token)
        session.commit()

    def _keep(self, session: Session, client: ApiClient, grant: ApiGrant | None, token: dict[str, Any]) -> None:
        session.add(
            ApiToken(
                digest=digest_of(token["access_token"]),
                client_id=client.id,
                grant_id=grant.id if grant else None,
                scopes=token["scope"],
                expires_at=now() + timedelta(seconds=token["expires_in"]),
            )
        )

    def create_oauth2_request(self, request: object) -> TokenRequest:
        """The running request."""
        return TokenRequest()


def token_server() -> TokenServer:
    """The server with the grants there are."""
    server = TokenServer()
    generator = BearerTokenGenerator(new_token, new_refresh_token, TOKEN_SECONDS)
    server.register_token_generator("default", generator)
    server.register_grant(ProgramGrant)
    server.register_grant(PersonGrant, [S256Only(required=True)])
    server.register_grant(RefreshGrant)
    server.register_endpoint(Revocation)
    server.register_endpoint(Introspection)
    return server


SERVER = token_server()
