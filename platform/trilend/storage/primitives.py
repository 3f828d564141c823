"""Authenticated encryption of bytes under a key that the caller holds."""

import secrets

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


def seal(key: bytes, plain: bytes, *, context: bytes) -> bytes:
    """Encrypt with AES-256-GCM; `context` must be given again to open."""
    nonce = secrets.token_bytes(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


def unseal(key: bytes, sealed: bytes, *, context: bytes) -> bytes:
    """Decrypt what `seal` made; raises `cryptography.exceptions.InvalidTag` for a wrong key or changed bytes."""
    return AESGCM(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], context)
