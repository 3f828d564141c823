"""RSA signatures of requests and answers, as PROTOCOL.md describes them."""

import base64
import binascii
import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

MINIMUM_KEY_BITS = 2048


def request_text(method: str, path: str, timestamp: str, nonce: str, body: bytes) -> bytes:
    """What a client signs."""
    return "\n".join((method, path, timestamp, nonce, hashlib.sha256(body).hexdigest())).encode()


def answer_text(status: int, nonce: str, body: bytes) -> bytes:
    """What the bank signs; `nonce` is the request's."""
    return "\n".join((str(status), nonce, hashlib.sha256(body).hexdigest())).encode()


def sign(key: rsa.RSAPrivateKey, text: bytes) -> str:
    """The signature of a text in base64."""
    return base64.b64encode(key.sign(text, padding.PKCS1v15(), hashes.SHA256())).decode()


def is_signed_by(public_key_pem: str, text: bytes, signature: str) -> bool:
    """Whether the base64 signature was made over the text by the holder of the key."""
    try:
        public_key(public_key_pem).verify(
            base64.b64decode(signature, validate=True), text, padding.PKCS1v15(), hashes.SHA256()
        )
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def public_key(pem: str) -> rsa.RSAPublicKey:
    """An RSA public key of at least 2048 bits from PEM; raises `ValueError`."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, rsa.RSAPublicKey) or key.key_size < MINIMUM_KEY_BITS:
        raise ValueError("an RSA key of at least 2048 bits is needed")
    return key


def public_pem(key: rsa.RSAPrivateKey) -> str:
    """The public half of a key in PEM."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
