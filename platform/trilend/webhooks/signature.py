"""Signs what is sent, as the Standard Webhooks specification says: any of its libraries can verify it.

HMAC-SHA256 over `id.timestamp.body`, once for each secret that is valid at the moment, so that a receiver can exchange
the secret without losing an event.
"""

import base64
import hmac
import secrets
from collections.abc import Iterable
from hashlib import sha256

PREFIX = "whsec_"


def new_secret() -> str:
    """A secret of 32 bytes, in the form in which receivers enter it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def signatures(valid_secrets: Iterable[str], event_id: str, timestamp: int, body: bytes) -> str:
    """The value of the header `webhook-signature`; `timestamp` in seconds since 1970."""
    signed = f"{event_id}.{timestamp}.".encode() + body
    return " ".join(f"v1,{_signature(secret, signed)}" for secret in valid_secrets)


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    return base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
