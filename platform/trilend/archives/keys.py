"""The key of an archive: derived from a passphrase, or agreed with an escrow key that lies in a safe."""

import base64
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import scrypt, sha256
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trilend.archives.errors import NotAnArchive, WrongPassphrase
from trilend.storage.keys import KeyRing
from trilend.storage.primitives import seal, unseal

SHORTEST_PASSPHRASE = 12
_PASSPHRASE, _ESCROW = "passphrase", "escrow"
_KEYS, _MANIFEST = b"trilend archive keys", b"trilend archive manifest"
# About a third of a second and 128 MB for each guess (RFC 7914).
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1, "maxmem": 256 << 20, "dklen": 32}


@dataclass(frozen=True)
class ArchiveKey:
    """32 bytes that seal a company's keys, vouch for the manifest and seal a final archive; `lock` says how to come by
    them again and stands in the archive."""

    secret: bytes = field(repr=False)
    lock: Mapping[str, str]

    @classmethod
    def of_passphrase(cls, passphrase: str) -> "ArchiveKey":
        """A key for an archive that is to be opened with a passphrase."""
        lock = {"kind": _PASSPHRASE, "salt": _encode(token_bytes(16))}
        return cls(_stretched(passphrase, lock), lock)

    @classmethod
    def of_escrow(cls, public_key: str) -> "ArchiveKey":
        """A key for an archive that only the holder of the escrow key can open; whoever makes it forgets it."""
        ours = X25519PrivateKey.generate()
        lock = {"kind": _ESCROW, "public": _encode(ours.public_key().public_bytes_raw())}
        return cls(_agreed(ours, public_key, lock), lock)

    @classmethod
    def opened(cls, lock: Mapping[str, str], secret: str) -> "ArchiveKey":
        """The key behind a lock, by the passphrase or the private escrow key; raises `NotAnArchive`.

        Whether the secret was right, the first use tells.
        """
        try:
            if lock["kind"] == _PASSPHRASE:
                return cls(_stretched(secret, lock), lock)
            if lock["kind"] == _ESCROW:
                return cls(_agreed(_private(secret), lock["public"], lock), lock)
        except (KeyError, ValueError, TypeError) as error:
            raise NotAnArchive("its lock cannot be read") from error
        raise NotAnArchive(f"its lock is of a kind that is not known: {lock['kind']}")

    def seal(self, ring: KeyRing) -> str:
        """A company's bare data keys and which of them is in use, sealed, in base64."""
        text = {"active": ring.active, "keys": {str(number): _encode(key) for number, key in ring.keys.items()}}
        return _encode(seal(self.secret, json.dumps(text).encode(), context=_KEYS))

    def open(self, sealed: str) -> KeyRing:
        """The bare data keys; raises `WrongPassphrase`."""
        try:
            plain = json.loads(unseal(self.secret, base64.b64decode(sealed), context=_KEYS))
        except InvalidTag as error:
            raise WrongPassphrase from error
        return KeyRing({int(number): base64.b64decode(key) for number, key in plain["keys"].items()}, plain["active"])

    def voucher(self, manifest: bytes) -> str:
        """Says that whoever knew the secret made this manifest, and with it every hash in it."""
        return hmac.new(self.derived(_MANIFEST), manifest, sha256).hexdigest()

    def derived(self, purpose: bytes) -> bytes:
        """A key of its own for one purpose."""
        return HKDF(SHA256(), 32, salt=None, info=purpose).derive(self.secret)


def new_escrow_pair() -> tuple[str, str]:
    """A fresh private escrow key, for the safe, and its public one, for the settings; both in base64."""
    private = X25519PrivateKey.generate()
    return _encode(private.private_bytes_raw()), _encode(private.public_key().public_bytes_raw())


def _stretched(passphrase: str, lock: Mapping[str, str]) -> bytes:
    return scrypt(passphrase.encode(), salt=base64.b64decode(lock["salt"]), **_SCRYPT)


def _private(secret: str) -> X25519PrivateKey:
    try:
        return X25519PrivateKey.from_private_bytes(base64.b64decode(secret.strip(), validate=True))
    except ValueError as error:
        raise WrongPassphrase from error


def _agreed(ours: X25519PrivateKey, theirs: str, lock: Mapping[str, str]) -> bytes:
    shared = ours.exchange(X25519PublicKey.from_public_bytes(base64.b64decode(theirs, validate=True)))
    return HKDF(SHA256(), 32, salt=None, info=b"trilend escrow " + lock["public"].encode()).derive(shared)


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
