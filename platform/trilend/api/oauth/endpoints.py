"""Asking what a token is worth (RFC 7662) and ending it before its time (RFC 7009)."""

from typing import Any

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from trilend.api.oauth.clients import METHODS, SECRET_METHODS, Credentials
from trilend.api.oauth.tokens import HeldToken, end_grant, held_token
from trilend.audit.service import Actor
from trilend.identity.models import ApiClient, ApiToken
from trilend.tenancy.context import current_tenant, tenant_session


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """Ends a token of the program that asks: an access token alone, a refresh token with all its family."""

    CLIENT_AUTH_METHODS = list(METHODS)

    def query_token(self, token_string: str, token_type_hint: str | None) -> HeldToken | None:
        """The token, if it is one of this tenant."""
        return held_token(tenant_session(), token_string)

    def revoke_token(self, token: HeldToken, request: OAuth2Request) -> None:
        """Mark it as ended."""
        session = tenant_session()
        if isinstance(token.row, ApiToken):
            token.row.revoked = True
        else:
            end_grant(session, Actor(f"API {request.client.row.name}"), token.row.grant, "given_back")
        session.commit()


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """Tells a program with a secret about its own tokens; of any other it says no more than of one that does not exist."""

    CLIENT_AUTH_METHODS = list(SECRET_METHODS)

    def query_token(self, token_string: str, token_type_hint: str | None) -> HeldToken | None:
        """The token, if it is one of this tenant."""
        return held_token(tenant_session(), token_string)

    def check_permission(self, token: HeldToken, client: Credentials, request: OAuth2Request) -> bool:
        """Whether it was issued to the program that asks."""
        return token.check_client(client)

    def introspect_token(self, token: HeldToken) -> dict[str, Any]:
        """What the token allows, until when, and in whose name."""
        told = {
            "active": True,
            "client_id": tenant_session.get_one(ApiClient, token.client_key).client_id,
            "scope": token.get_scope(),
            "exp": int(token.expires_at.timestamp()),
            "iat": int(token.row.created_at.timestamp()),
            "iss": current_tenant().url,
        }
        if isinstance(token.row, ApiToken):
            told |= {"token_type": "Bearer"}
        if token.grant is not None:
            told["sub"] = str(token.grant.user_id)
        return told
