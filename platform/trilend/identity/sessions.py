"""Browser sessions that are worth nothing on another host: cookies are signed with a key per tenant."""

import hmac
from hashlib import sha256

from flask import Flask
from flask.json.tag import TaggedJSONSerializer
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import URLSafeTimedSerializer

from trilend.config import settings
from trilend.tenancy.context import current_tenant


class TenantCookieSessions(SecureCookieSessionInterface):
    """Signs with a key derived from the installation's secret and the bound tenant's id."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer:
        """The serializer of the bound tenant."""
        secret = settings().secret_key.get_secret_value().encode()
        key = hmac.new(secret, f"session:{current_tenant().id}".encode(), sha256).digest()
        return URLSafeTimedSerializer(
            key,
            salt=self.salt,
            serializer=TaggedJSONSerializer(),
            signer_kwargs={"key_derivation": self.key_derivation, "digest_method": self.digest_method},
        )
