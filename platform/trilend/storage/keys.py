"""Envelope encryption: the installation's master key wraps one data key per tenant; subkeys derive from that."""

import base64
import secrets
from functools import lru_cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trilend.config import settings
from trilend.storage.primitives import seal, unseal
from trilend.tenancy.context import current_tenant


def new_master_key() -> str:
    """A fresh master key in the form in which settings hold it."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_wrapped_key() -> bytes:
    """A fresh data key for a tenant, wrapped by the master key."""
    return seal(_master_key(), secrets.token_bytes(32), context=b"data-key")


def tenant_key(purpose: str) -> bytes:
    """The bound tenant's 32-byte key for one purpose (`field`, `index`, `object`, `secret`)."""
    return _derived(current_tenant().wrapped_key, purpose)


def installation_key(purpose: str) -> bytes:
    """This installation's own 32-byte key for one purpose, which no tenant's key leads to."""
    return HKDF(SHA256(), 32, salt=None, info=f"installation {purpose}".encode()).derive(_master_key())


def _master_key() -> bytes:
    key = base64.b64decode(settings().master_key.get_secret_value())
    if len(key) != 32:
        raise ValueError("TRILEND_MASTER_KEY must be 32 bytes in base64")
    return key


@lru_cache(maxsize=4096)
def _derived(wrapped: bytes, purpose: str) -> bytes:
    data_key = unseal(_master_key(), wrapped, context=b"data-key")
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(data_key)
