"""The three ways to a token: a program's own credentials, a person's consent, and a refresh token."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, OAuth2Request
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant, ClientCredentialsGrant, RefreshTokenGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from sqlalchemy import func

from trilend.api.oauth.clients import METHODS, SECRET_METHODS, Credentials
from trilend.api.oauth.tokens import HeldToken, end_grant, keep_code, locked_code, locked_refresh_token
from trilend.audit.service import SYSTEM, record
from trilend.db.base import now
from trilend.identity.models import ApiCode, ApiGrant
from trilend.identity.service import signed_in_actor
from trilend.tenancy.context import tenant_session

Answer = tuple[int, dict[str, Any], list[tuple[str, str]]]


class _NoNarrowing:
    """Mixin: a scope that the program may not have is refused, not left out."""

    request: OAuth2Request

    def validate_requested_scope(self) -> None:
        if self.request.client.get_allowed_scope(self.request.payload.scope) is None:
            raise InvalidScopeError(description="The program may not have this scope.")


class ProgramGrant(_NoNarrowing, ClientCredentialsGrant):  # type: ignore[misc]
    """Credentials in the Authorization header or in the form."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(SECRET_METHODS)

    def create_token_response(self) -> Answer:
        """Issue the token; unlike the base, without writing it to the log."""
        token = self.generate_token(scope=self.request.payload.scope, include_refresh_token=False)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class S256Only(CodeChallenge):  # type: ignore[misc]
    """PKCE for every program, with or without a secret, by SHA-256 (RFC 7636, RFC 9700 §2.1.1)."""

    DEFAULT_CODE_CHALLENGE_METHOD = "S256"
    SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]

    def validate_code_challenge(self, grant: AuthorizationCodeGrant, redirect_uri: str) -> None:
        """Refuse a request without a challenge, and one whose method is left to be guessed as plain."""
        data = grant.request.payload.data
        if not data.get("code_challenge") or data.get("code_challenge_method") != "S256":
            raise InvalidRequestError("Send 'code_challenge' with 'code_challenge_method=S256'.")
        super().validate_code_challenge(grant, redirect_uri)

    def get_authorization_code_challenge(self, authorization_code: "HeldCode") -> str:
        """What the code's program has to answer."""
        return authorization_code.row.challenge

    def get_authorization_code_challenge_method(self, authorization_code: "HeldCode") -> str:
        """By SHA-256."""
        return "S256"


class HeldCode:
    """A stored code as Authlib sees it."""

    def __init__(self, row: ApiCode) -> None:
        self.row = row

    def get_redirect_uri(self) -> str:
        """The address to which it was sent."""
        return self.row.redirect_uri

    def get_scope(self) -> str:
        """What the person has allowed."""
        return self.row.grant.scopes


class PersonGrant(_NoNarrowing, AuthorizationCodeGrant):  # type: ignore[misc]
    """A person's consent, brought to the program by a code that is good once and for two minutes."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(METHODS)

    def validate_requested_scope(self) -> None:
        """Refuse what the program may not have; the client is not in the request yet."""
        client = self.server.query_client(self.request.payload.client_id)
        if client.get_allowed_scope(self.request.payload.scope) is None:
            raise InvalidScopeError(description="The program may not have this scope.")

    def save_authorization_code(self, code: str, request: OAuth2Request) -> None:
        """Record what the person allows, and keep the code's digest."""
        session, client, allowed = tenant_session(), request.client.row, request.user
        grant = ApiGrant(client_id=client.id, user_id=allowed.user_id, scopes=" ".join(sorted(allowed.scopes)))
        session.add(grant)
        session.flush()
        challenge = request.payload.data["code_challenge"]
        keep_code(session, grant, code, redirect_uri=request.payload.redirect_uri, challenge=challenge)
        record(session, signed_in_actor(), "api_grant.given", "api_client", client.id, scopes=grant.scopes)
        session.commit()

    def query_authorization_code(self, code: str, client: Credentials) -> HeldCode | None:
        """The code, if it was given to this program and is still good; one that comes twice ends its whole family."""
        session = tenant_session()
        row = locked_code(session, code)
        if row is None or client.row is None or row.grant.client_id != client.row.id:
            return None
        if row.used_at is not None:
            end_grant(session, SYSTEM, row.grant, "code_used_twice")
            session.commit()
            return None
        is_good = row.expires_at > now() and row.grant.revoked_at is None
        return HeldCode(row) if is_good else None

    def delete_authorization_code(self, authorization_code: HeldCode) -> None:
        """Nothing: it was marked as used together with the tokens."""

    def authenticate_user(self, authorization_code: HeldCode) -> ApiGrant:
        """Whose consent it is: the family that the tokens will belong to."""
        return authorization_code.row.grant

    def create_token_response(self) -> Answer:
        """Issue both tokens in the transaction that uses the code up; unlike the base, without a line in the log."""
        held: HeldCode = self.request.authorization_code
        self.request.user = self.authenticate_user(held)
        held.row.used_at = func.now()
        token = self.generate_token(scope=held.get_scope(), include_refresh_token=True)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER


class RefreshGrant(RefreshTokenGrant):  # type: ignore[misc]
    """A refresh token is good once: with each access token comes the next one, and a second use ends the family."""

    TOKEN_ENDPOINT_AUTH_METHODS = list(METHODS)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> HeldToken | None:
        """The token, if it belongs to this program and is still good."""
        session, client = tenant_session(), self.request.client.row
        row = locked_refresh_token(session, refresh_token)
        if row is None or client is None or row.grant.client_id != client.id:
            return None
        if row.used_at is not None:
            # Either of the two who showed it may be a thief (RFC 9700 §4.14.2).
            end_grant(session, SYSTEM, row.grant, "refresh_token_used_twice")
            session.commit()
            return None
        held = HeldToken(row)
        return None if held.is_expired() or held.is_revoked() else held

    def authenticate_user(self, refresh_token: HeldToken) -> ApiGrant | None:
        """Whose consent it is."""
        return refresh_token.grant

    def revoke_old_credential(self, refresh_token: HeldToken) -> None:
        """Nothing: it was marked as used together with the new tokens."""

    def create_token_response(self) -> Answer:
        """Issue the next pair in the transaction that uses the old token up."""
        held: HeldToken = self.request.refresh_token
        self.request.user = self.authenticate_user(held)
        held.row.used_at = func.now()  # type: ignore[union-attr]
        token = self.issue_token(self.request.user, held)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER
