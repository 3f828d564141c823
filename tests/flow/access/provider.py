"""An OpenID provider over HTTP, built from Authlib's provider side: client secrets, return addresses, nonce and PKCE are checked.

What it should do wrong for a test is set in `faults`; who signs in next, in `person`.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import AuthorizationCodeGrant, ClientMixin
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

_KEY_ID = "key-of-the-provider"


@dataclass
class Registered(ClientMixin):  # type: ignore[misc]
    """A program that may send people here."""

    client_id: str
    secret: str
    return_address: str

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        return self.return_address

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self.return_address

    def check_client_secret(self, client_secret: str) -> bool:
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == "authorization_code"


@dataclass
class Code:
    """A code that was handed out."""

    code: str
    client_id: str
    redirect_uri: str
    scope: str
    nonce: str
    code_challenge: str
    code_challenge_method: str
    claims: dict[str, Any]

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str:
        return self.nonce

    def get_auth_time(self) -> None:
        return None

    def get_acr(self) -> None:
        return None

    def get_amr(self) -> None:
        return None


@dataclass
class OpenIdProvider:
    """The running provider and what tests may turn."""

    issuer: str = ""
    clients: dict[str, Registered] = field(default_factory=dict)
    person: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    # Claims of the identity token that are to be otherwise; `alg` and `key` change how it is signed.
    faults: dict[str, Any] = field(default_factory=dict)
    id_token_has: frozenset[str] = frozenset()
    key: Any = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": _KEY_ID}))

    def register(self, client_id: str, secret: str, return_address: str) -> None:
        """Let a program send people here."""
        self.clients[client_id] = Registered(client_id, secret, return_address)

    def sign_in_as(self, sub: str, **claims: Any) -> None:
        """Who sits at the browser from now on."""
        self.person = {"sub": sub, **claims}


class Access:
    """A token for the user-info address."""

    def __init__(self, claims: dict[str, Any]) -> None:
        self.claims = claims

    def is_expired(self) -> bool:
        return False

    def is_revoked(self) -> bool:
        return False

    def get_scope(self) -> str:
        return "openid profile email"


def provider_app(provider: OpenIdProvider) -> flask.Flask:
    """The pages of the provider."""

    class Grant(AuthorizationCodeGrant):  # type: ignore[misc]
        TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

        def save_authorization_code(self, code: str, request: Any) -> None:
            data = request.payload.data
            provider.codes[code] = Code(
                code,
                request.client.get_client_id(),
                request.payload.redirect_uri,
                request.payload.scope,
                data.get("nonce", ""),
                data.get("code_challenge", ""),
                data.get("code_challenge_method", ""),
                dict(request.user),
            )

        def query_authorization_code(self, code: str, client: Registered) -> Code | None:
            found = provider.codes.get(code)
            return found if found is not None and found.client_id == client.client_id else None

        def delete_authorization_code(self, authorization_code: Code) -> None:
            del provider.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: Code) -> dict[str, Any]:
            return authorization_code.claims

    class Identity(OpenIDCode):  # type: ignore[misc]
        def exists_nonce(self, nonce: str, request: Any) -> bool:
            return any(code.nonce == nonce for code in provider.codes.values())

        def process_token(self, grant: Any, response: Any) -> None:
            """The identity token of a sound provider, but for the faults that a test wants."""
            code = grant.request.authorization_code
            at = int(time.time())
            told = {name: value for name, value in code.claims.items() if name in provider.id_token_has}
            claims = {
                "iss": provider.issuer,
                "aud": code.client_id,
                "iat": at,
                "exp": at + 300,
                "nonce": code.nonce,
                "sub": code.claims["sub"],
            }
            faults = dict(provider.faults)
            algorithm, key = faults.pop("alg", "RS256"), faults.pop("key", provider.key)
            header = {"alg": algorithm, "kid": _KEY_ID}
            _, content, _ = response
            content["id_token"] = jwt.encode(header, claims | told | faults, key, algorithms=[algorithm, "none"])

    class Validator(BearerTokenValidator):  # type: ignore[misc]
        def authenticate_token(self, token_string: str) -> Access | None:
            claims = provider.tokens.get(token_string)
            return Access(claims) if claims is not None else None

    def save_token(token: dict[str, Any], request: Any) -> None:
        provider.tokens[token["access_token"]] = dict(request.user)

    app = flask.Flask("provider")
    app.secret_key = "of the provider"
    server = AuthorizationServer(app, query_client=provider.clients.get, save_token=save_token)
    server.register_grant(Grant, [Identity(require_nonce=True), CodeChallenge(required=True)])
    protect = ResourceProtector()
    protect.register_token_validator(Validator())

    @app.get("/.well-known/openid-configuration")
    def configuration() -> dict[str, Any]:
        return {
            "issuer": provider.issuer,
            "authorization_endpoint": f"{provider.issuer}/authorize",
            "token_endpoint": f"{provider.issuer}/token",
            "userinfo_endpoint": f"{provider.issuer}/userinfo",
            "jwks_uri": f"{provider.issuer}/jwks",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return KeySet([provider.key]).as_dict(private=False)  # type: ignore[return-value]

    @app.get("/authorize")
    def authorize() -> Any:
        grant = server.get_consent_grant(end_user=provider.person)
        return server.create_authorization_response(grant_user=provider.person, grant=grant)

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    @app.get("/userinfo")
    @protect()
    def userinfo() -> Any:
        return current_token.claims

    return app


@contextmanager
def running() -> Iterator[OpenIdProvider]:
    """The provider on a port of this machine."""
    provider = OpenIdProvider()
    server = make_server("127.0.0.1", 0, provider_app(provider), threaded=True)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield provider
    server.shutdown()
    thread.join()
    server.server_close()
