"""A program as Authlib sees it, and the addresses to which it may have a person's answer sent."""

import hmac
import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin

from trilend.identity.models import ApiClient, ProgramKind

SECRET_METHODS = ("client_secret_basic", "client_secret_post")
METHODS = (*SECRET_METHODS, "none")
MOST_ADDRESSES = 10
_NOBODYS_HASH = "0" * 64
_PLAIN = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&()*+=%-]{1,500}")
_OWN_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_GRANTS: Mapping[ProgramKind, frozenset[str]] = {
    ProgramKind.SERVICE: frozenset({"client_credentials"}),
    ProgramKind.WEB: frozenset({"authorization_code", "refresh_token"}),
    ProgramKind.NATIVE: frozenset({"authorization_code", "refresh_token"}),
}


class Credentials(ClientMixin):  # type: ignore[misc]
    """A client as Authlib sees it. One that does not exist or is switched off fails like a wrong secret does."""

    def __init__(self, client_id: str, row: ApiClient | None) -> None:
        self.client_id = client_id
        self.row = row

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare digests in constant time."""
        given = sha256(client_secret.encode()).hexdigest()
        return hmac.compare_digest(given, (self.row.secret_hash if self.row else "") or _NOBODYS_HASH)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """A native program has no secret to keep and shows none; every other has one and must show it."""
        is_native = self.row is not None and self.row.kind == ProgramKind.NATIVE
        return (method == "none") == is_native

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether a program of this kind may get tokens that way."""
        return self.row is not None and grant_type in _GRANTS[ProgramKind(self.row.kind)]

    def check_response_type(self, response_type: str) -> bool:
        """Only programs that act for people may ask them, and only for a code."""
        return response_type == "code" and self.check_grant_type("authorization_code")

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether the address is one of those registered, letter for letter."""
        return self.row is not None and redirect_uri in addresses_of(self.row)

    def get_default_redirect_uri(self) -> None:
        """None: every request names its address."""

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """What is asked for if the program may have all of it, everything it may have if nothing is asked for."""
        held = set(self.row.scopes.split() if self.row else ())
        wanted = set((scope or "").split()) or held
        return " ".join(sorted(wanted)) if wanted <= held else None


def addresses_of(client: ApiClient) -> list[str]:
    """The addresses that a program has registered."""
    return client.redirect_uris.split()


def refused_addresses(addresses: Iterable[str], kind: ProgramKind) -> list[str]:
    """Those of some addresses to which no answer may be sent.

    Good are https addresses; for a program on a person's device also http to that very device (RFC 8252 §7.3) and a
    scheme of the program's own, with a dot in it (§7.1).
    """
    return [address for address in addresses if not _is_good(address, kind)]


def origin_of(address: str) -> str:
    """Scheme and host of an address as a source of a content security policy."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def _is_good(address: str, kind: ProgramKind) -> bool:
    if not _PLAIN.fullmatch(address) or "#" in address:
        return False
    try:
        parts = urlsplit(address)
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        return False
    if "@" in parts.netloc:
        return False
    if parts.scheme == "https":
        return bool(host)
    if kind != ProgramKind.NATIVE:
        return False
    return host in _LOOPBACK if parts.scheme == "http" else bool(_OWN_SCHEME.fullmatch(parts.scheme))
