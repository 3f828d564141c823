"""Seals a stream of bytes chunk by chunk (STREAM over AES-256-GCM), so that any part can be read and none be moved."""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from trilend.storage.errors import ObjectDamaged

CHUNK = 1 << 16
"""Bytes of content in a chunk; the last one may have less."""

TAG = 16
_MARK = b"\x00trilend-stream\x01"
_SALT = 32
_NUMBER = 4


@dataclass(frozen=True)
class StreamHead:
    """What stands before the chunks: the number of the data key, and a salt that makes the object's own key of it."""

    number: int
    salt: bytes

    LENGTH = len(_MARK) + _NUMBER + _SALT

    @classmethod
    def new(cls, number: int) -> "StreamHead":
        """For a stream that is to be sealed."""
        return cls(number, secrets.token_bytes(_SALT))

    @classmethod
    def read(cls, start: bytes) -> "StreamHead | None":
        """From the first bytes of an object; None if it was sealed whole, as the first release did."""
        if not start.startswith(_MARK) or len(start) < cls.LENGTH:
            return None
        rest = start[len(_MARK) : cls.LENGTH]
        return cls(int.from_bytes(rest[:_NUMBER], "big"), rest[_NUMBER:])

    def to_bytes(self) -> bytes:
        """As it is stored."""
        return _MARK + self.number.to_bytes(_NUMBER, "big") + self.salt


class StreamCipher:
    """One object's key: a chunk opens only in its place, and the last one only at the end.

    Place and end are the nonce, head and `context` (the object's name) the associated data, so a stream that was cut,
    put in another order, mixed with another or renamed raises `ObjectDamaged`.
    """

    def __init__(self, key: bytes, head: StreamHead, context: bytes) -> None:
        own = HKDF(SHA256(), 32, salt=head.salt, info=b"stream").derive(key)
        self._cipher = AESGCM(own)
        self._data = head.to_bytes() + context

    def seal(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks of a stream, sealed."""
        for position, chunk, is_last in _numbered(_chunks(pieces, CHUNK)):
            yield self._cipher.encrypt(_nonce(position, is_last), chunk, self._data)

    def open(self, sealed: Iterable[bytes], *, position: int = 0, ends: bool = True) -> Iterator[bytes]:
        """The content of consecutive chunks from `position` on; `ends` says whether the stream's end is among them."""
        for number, chunk, is_last in _numbered(_chunks(sealed, CHUNK + TAG)):
            try:
                yield self._cipher.decrypt(_nonce(position + number, is_last and ends), chunk, self._data)
            except InvalidTag as error:
                raise ObjectDamaged from error


def sealed_length(size: int) -> int:
    """How long an object of so many bytes of content is when it is sealed."""
    return StreamHead.LENGTH + size + TAG * chunk_count(size)


def chunk_count(size: int) -> int:
    """How many chunks there are for so many bytes; an empty stream has one, which is empty."""
    return max(1, -(-size // CHUNK))


def _nonce(position: int, is_last: bool) -> bytes:
    return position.to_bytes(11, "big") + bytes([is_last])


def _chunks(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """Pieces of any length as chunks of one length but for the last; one empty chunk for nothing at all."""
    waiting = bytearray()
    begun = False
    for piece in pieces:
        waiting += piece
        while len(waiting) >= length:
            begun = True
            yield bytes(waiting[:length])
            del waiting[:length]
    if waiting or not begun:
        yield bytes(waiting)


def _numbered(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes, bool]]:
    """Each chunk with its place, and whether it is the last one."""
    held: bytes | None = None
    position = -1
    for position, chunk in enumerate(chunks):
        if held is not None:
            yield position - 1, held, False
        held = chunk
    if held is not None:
        yield position, held, True
