"""Seals a whole file piece by piece, so that nothing of a final archive can be read, cut off or put in another order."""

import json
from collections.abc import Iterator
from typing import IO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trilend.archives.errors import NotAnArchive, WrongPassphrase
from trilend.archives.format import Sink
from trilend.archives.keys import ArchiveKey

MARK = b"TRILEND-SEALED-1\n"
_PIECE = 1 << 18
_TAG = 16
_PURPOSE = b"trilend archive envelope"
_LONGEST_LOCK = 4096


class Envelope:
    """A file to be written to, whose bytes reach `target` sealed (AES-256-GCM, each piece with its number and whether
    it is the last); end it with `close`."""

    def __init__(self, target: Sink, key: ArchiveKey) -> None:
        self._target = target
        self._cipher = AESGCM(key.derived(_PURPOSE))
        self._held = bytearray()
        self._number = 0
        lock = json.dumps(dict(key.lock)).encode()
        target.write(MARK + len(lock).to_bytes(4, "big") + lock)

    def write(self, plain: bytes, /) -> int:
        """Take bytes."""
        self._held += plain
        while len(self._held) > _PIECE:
            self._put(bytes(self._held[:_PIECE]), last=False)
            del self._held[:_PIECE]
        return len(plain)

    def flush(self) -> None:
        """Nothing: a piece leaves when it is full."""

    def close(self) -> None:
        """Seal the last piece."""
        self._put(bytes(self._held), last=True)
        self._target.close()

    def _put(self, plain: bytes, *, last: bool) -> None:
        self._target.write(self._cipher.encrypt(_nonce(self._number, last), plain, None))
        self._number += 1


def is_sealed(file: IO[bytes]) -> bool:
    """Whether a file is an envelope; leaves it at its beginning."""
    file.seek(0)
    found = file.read(len(MARK)) == MARK
    file.seek(0)
    return found


def opened(file: IO[bytes], secret: str) -> Iterator[bytes]:
    """The bytes in an envelope; raises `WrongPassphrase` at its first piece, `NotAnArchive` for a damaged one."""
    if file.read(len(MARK)) != MARK:
        raise NotAnArchive("it is not sealed")
    length = int.from_bytes(file.read(4), "big")
    if length > _LONGEST_LOCK:
        raise NotAnArchive("its lock cannot be read")
    try:
        lock = json.loads(file.read(length))
    except ValueError as error:
        raise NotAnArchive("its lock cannot be read") from error
    cipher = AESGCM(ArchiveKey.opened(lock, secret).derived(_PURPOSE))
    piece, number = file.read(_PIECE + _TAG), 0
    while True:
        following = file.read(_PIECE + _TAG)
        try:
            yield cipher.decrypt(_nonce(number, not following), piece, None)
        except InvalidTag as error:
            raise (NotAnArchive("it was changed or cut off") if number else WrongPassphrase()) from error
        if not following:
            return
        piece, number = following, number + 1


def _nonce(number: int, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])
