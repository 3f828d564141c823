"""The way to the provider and back: authorization code with PKCE, state and nonce; no token is kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from flask_babel import lazy_gettext as _l
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from sqlalchemy.orm import Session

from trilend.access import tickets
from trilend.access.errors import ProviderFailed, TicketGone
from trilend.access.models import Provider
from trilend.access.oidc.fetching import AddressRefused, client_options, is_allowed_url

PURPOSE = "provider"
_MINUTES = 10
# Signatures that only the provider can make; nothing that the client secret would do for.
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_LEEWAY_SECONDS = 60
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Departure:
    """Where to send the browser, and the state that it has to bring back."""

    url: str
    state: str


@dataclass(frozen=True)
class Return:
    """Who came back, as the provider says, and where the person wanted to go."""

    claims: Mapping[str, Any]
    next_url: str


def discover(issuer: str) -> dict[str, Any]:
    """What the provider says of itself; raises `ProviderFailed` if it is not sound."""
    metadata = _fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration")
    if metadata.get("issuer") != issuer:
        raise ProviderFailed(_l("it calls itself by another name than the issuer that is entered"))
    if not all(is_allowed_url(str(metadata.get(name, ""))) for name in _ENDPOINTS):
        raise ProviderFailed(_l("its addresses are incomplete or not HTTPS"))
    return metadata


def depart(session: Session, provider: Provider, *, redirect_uri: str, next_url: str) -> Departure:
    """Begin a sign-in through the provider."""
    metadata = discover(provider.issuer)
    nonce, verifier = generate_token(32), generate_token(64)
    state = tickets.issue(
        session, PURPOSE, minutes=_MINUTES, nonce=nonce, verifier=verifier, next=next_url, redirect_uri=redirect_uri
    )
    url = prepare_grant_uri(
        metadata["authorization_endpoint"],
        client_id=provider.client_id,
        response_type="code",
        redirect_uri=redirect_uri,
        scope=provider.scopes,
        state=state,
        nonce=nonce,
        code_challenge=create_s256_code_challenge(verifier),
        code_challenge_method="S256",
    )
    return Departure(str(url), state)


def come_back(session: Session, provider: Provider, *, state: str, code: str, issuer: str = "") -> Return:
    """Finish a sign-in: exchange the code, verify the identity token. The state is used up: commit whatever comes of it.

    Raises `TicketGone` for a state that is not ours, `ProviderFailed` for an answer that is not to be believed.
    """
    ticket = tickets.use(session, PURPOSE, state)
    session.commit()
    if not code:
        raise TicketGone
    if issuer and issuer != provider.issuer:
        raise ProviderFailed(_l("the answer came from another service"))
    metadata = discover(provider.issuer)
    token = _exchange(provider, metadata, code, ticket.content)
    claims = _verified(provider, metadata, str(token.get("id_token", "")), ticket.content["nonce"])
    return Return(_completed(provider, metadata, claims, token), ticket.content["next"])


def _exchange(provider: Provider, metadata: Mapping[str, Any], code: str, kept: Mapping[str, Any]) -> dict[str, Any]:
    asked = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": kept["redirect_uri"],
        "code_verifier": kept["verifier"],
    }
    secret = (provider.client_id, provider.client_secret)
    by_header = "client_secret_basic" in metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    if not by_header:
        asked |= dict(zip(("client_id", "client_secret"), secret, strict=True))
    try:
        with httpx.Client(**client_options()) as client:
            auth = httpx.BasicAuth(*secret) if by_header else httpx.Auth()
            answer = client.post(metadata["token_endpoint"], data=asked, auth=auth)
            token = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unreachable(error) from error
    if not isinstance(token, dict) or answer.status_code != httpx.codes.OK:
        said = token.get("error") if isinstance(token, dict) else answer.status_code
        raise ProviderFailed(_l("it refused the code (%(code)s)", code=str(said)[:60]))
    return token


def _verified(provider: Provider, metadata: Mapping[str, Any], id_token: str, nonce: str) -> dict[str, Any]:
    keys = _fetch(str(metadata["jwks_uri"]))
    wanted = jwt.JWTClaimsRegistry(
        leeway=_LEEWAY_SECONDS,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        nonce={"essential": True, "value": nonce},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
    )
    try:
        token = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=_ALGORITHMS)  # type: ignore[arg-type]
        wanted.validate(token.claims)
    except (JoseError, ValueError, KeyError) as error:
        raise ProviderFailed(_l("its identity token is not valid")) from error
    claims = dict(token.claims)
    several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (several or "azp" in claims) and claims.get("azp") != provider.client_id:
        raise ProviderFailed(_l("its identity token is meant for another program"))
    return claims


def _completed(
    provider: Provider, metadata: Mapping[str, Any], claims: dict[str, Any], token: Mapping[str, Any]
) -> dict[str, Any]:
    """The claims, with those from the user-info address that the identity token leaves out."""
    wanted = {provider.username_claim, provider.name_claim, provider.email_claim, provider.groups_claim}
    address = str(metadata.get("userinfo_endpoint", ""))
    if wanted <= claims.keys() or not is_allowed_url(address) or "access_token" not in token:
        return claims
    more = _fetch(address, headers={"Authorization": f"Bearer {token['access_token']}"})
    if more.get("sub") != claims["sub"]:
        raise ProviderFailed(_l("it told of somebody else than who signed in"))
    return more | claims


def _fetch(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    try:
        with httpx.Client(**client_options()) as client:
            answer = client.get(url, headers={"Accept": "application/json", **(headers or {})})
            answer.raise_for_status()
            content = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise _unreachable(error) from error
    if not isinstance(content, dict):
        raise ProviderFailed(_l("its answer is not what the standard says"))
    return content


def _unreachable(error: Exception) -> ProviderFailed:
    if isinstance(error, AddressRefused):
        return ProviderFailed(_l("its address is not a public one"))
    if isinstance(error, httpx.HTTPStatusError):
        return ProviderFailed(_l("it answered with status %(status)d", status=error.response.status_code))
    return ProviderFailed(_l("it does not answer"))
