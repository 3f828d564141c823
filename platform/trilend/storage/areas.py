"""What each area of stored files takes: types, told by content and not by name, and sizes."""

import codecs
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from flask_babel import lazy_gettext as _l

from trilend.storage.errors import FileTooLarge, FileTypeRefused, HasMacros, NotWhatItSays

PDF = "application/pdf"
OFD = "application/ofd"
PNG, JPEG, TIFF = "image/png", "image/jpeg", "image/tiff"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEXT, CSV = "text/plain", "text/csv"

LOOKED_AT = 1 << 16
"""How many bytes at the beginning of a file tell what it is."""

_LABELS: Mapping[str, Any] = {
    PDF: "PDF",
    OFD: "OFD",
    PNG: "PNG",
    JPEG: "JPEG",
    TIFF: "TIFF",
    XLSX: "XLSX",
    DOCX: "DOCX",
    TEXT: _l("plain text"),
    CSV: "CSV",
}
_STARTS = {b"\x89PNG\r\n\x1a\n": PNG, b"\xff\xd8\xff": JPEG, b"II*\x00": TIFF, b"MM\x00*": TIFF}
_ZIP, _LOCAL = b"PK\x03\x04", struct.Struct("<4x2xHHHH4xLLHH")
_MEMBERS = {b"xl/": XLSX, b"word/": DOCX, b"OFD.xml": OFD}
_MACROS = b"vbaProject.bin"
_PDF_WITHIN = 1024


@dataclass(frozen=True)
class Area:
    """A sort of stored files: its name (the first part of their keys), the types it takes, and the most megabytes."""

    name: str
    types: tuple[str, ...]
    megabytes: int = 50

    @property
    def most(self) -> int:
        """The largest file, in bytes."""
        return self.megabytes << 20

    @property
    def labels(self) -> str:
        """The types as a person calls them."""
        return ", ".join(str(_LABELS[each]) for each in self.types)


def type_label(media_type: str) -> str:
    """A type as a person calls it."""
    return str(_LABELS.get(media_type, media_type))


def media_type_of(start: bytes) -> str | None:
    """What a file is by its first bytes: one of the types above, or None."""
    for beginning, found in _STARTS.items():
        if start.startswith(beginning):
            return found
    if b"%PDF-" in start[:_PDF_WITHIN]:
        return PDF
    if start.startswith(_ZIP):
        return next(
            (_MEMBERS[begin] for name in _zip_names(start) for begin in _MEMBERS if name.startswith(begin)), None
        )
    return TEXT if _is_text(start) else None


@dataclass
class Inspection:
    """Looks at a file while it passes: refuses the wrong type before a byte is handed on, and the byte too many."""

    area: Area
    said: str = ""
    media_type: str = ""
    size: int = 0
    _digest: Any = field(default_factory=sha256, repr=False)

    def watch(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces; raises `FileTooLarge`, `FileTypeRefused`, `NotWhatItSays`, `HasMacros`."""
        tail = b""
        for piece in self._begun(pieces):
            self.size += len(piece)
            if self.size > self.area.most:
                raise FileTooLarge(self.area.megabytes)
            if self.media_type in (XLSX, DOCX):
                if _MACROS in tail + piece:
                    raise HasMacros
                tail = piece[-len(_MACROS) :]
            self._digest.update(piece)
            yield piece

    @cached_property
    def sha256(self) -> str:
        """The digest of what has passed; ask at the end."""
        return str(self._digest.hexdigest())

    def _begun(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        start = b""
        for piece in pieces:
            start += piece
            if len(start) >= LOOKED_AT:
                break
        self.media_type = self._judged(start[:LOOKED_AT])
        yield start
        yield from pieces

    def _judged(self, start: bytes) -> str:
        found = media_type_of(start)
        # A table of values is plain text to whoever looks at it; only its sender knows.
        if found == TEXT and self.said == CSV:
            found = CSV
        if found is None or found not in self.area.types:
            raise FileTypeRefused(self.area.labels)
        if self.said and self.said != found:
            raise NotWhatItSays(str(_LABELS.get(self.said, self.said)))
        return found


def _zip_names(start: bytes) -> Iterator[bytes]:
    """Names of the members whose heads lie in the first bytes of a ZIP file."""
    at = 0
    while start.startswith(_ZIP, at) and len(start) >= at + _LOCAL.size:
        flags, _method, _time, _date, packed, _size, name_length, extra_length = _LOCAL.unpack_from(start, at)
        begin = at + _LOCAL.size
        yield start[begin : begin + name_length]
        if flags & 8 and not packed:
            # The length comes after the content: the next head has to be looked for.
            at = start.find(_ZIP, begin + name_length)
            if at < 0:
                return
        else:
            at = begin + name_length + extra_length + packed


def _is_text(start: bytes) -> bool:
    if b"\x00" in start or start.lstrip()[:1] == b"<":
        return False
    return any(_decodes(start, encoding) for encoding in ("utf-8", "gb18030"))


def _decodes(start: bytes, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        # Not final: the last character may be cut.
        decoder.decode(start)
    except UnicodeDecodeError:
        return False
    return True
