"""What an archive is: a ZIP file with a table each as CSV, the sealed objects, and a manifest with a hash of each."""

import hmac
import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import IO, Any, Protocol

from trilend.archives.errors import NotAnArchive
from trilend.archives.keys import ArchiveKey
from trilend.tenancy.tables import Tally

VERSION = 1
MANIFEST, VOUCHER = "manifest.json", "manifest.hmac"
_PIECE = 1 << 18
_DAMAGE = (zipfile.BadZipFile, zlib.error, KeyError, OSError, EOFError, NotImplementedError, RuntimeError)
# A manifest of a hundred tables and a hundred thousand objects is about 15 MB; what says that it is larger lies.
_LARGEST_MANIFEST = 256 << 20


@dataclass(frozen=True)
class Part:
    """A file in the archive: its SHA-256, its size in bytes, and for a table its columns in order and its rows."""

    sha256: str
    size: int
    columns: tuple[str, ...] = ()
    rows: int = 0


@dataclass(frozen=True)
class Manifest:
    """What is in an archive and whose it is; it stands last in the file, and without it the file is not whole.

    `keys` are the company's data keys, sealed with the archive's key, which `lock` says how to come by.
    """

    company: Mapping[str, Any]
    revision: str
    made_at: str
    sequences: Mapping[str, int]
    keys: str
    lock: Mapping[str, str]
    version: int = VERSION
    tables: dict[str, Part] = field(default_factory=dict)
    objects: dict[str, Part] = field(default_factory=dict)

    def to_json(self) -> bytes:
        """The text in the archive."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read it back; raises `NotAnArchive`."""
        try:
            values = json.loads(text)
            if values["version"] != VERSION:
                raise NotAnArchive(f"version {values['version']}")
            for kind in ("tables", "objects"):
                values[kind] = {
                    name: Part(part["sha256"], part["size"], tuple(part["columns"]), part["rows"])
                    for name, part in values[kind].items()
                }
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise NotAnArchive("its manifest cannot be read") from error


class Sink(Protocol):
    """Where an archive is written to: nothing is read from it and nobody seeks in it."""

    def write(self, piece: bytes, /) -> int:
        """Take bytes."""
        ...

    def flush(self) -> None:
        """Let go of bytes that are held back."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


class Writer:
    """Writes an archive piece by piece to a file that need not be sought in; hashes on the way."""

    def __init__(self, target: Sink) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1)

    def table(
        self, manifest: Manifest, name: str, columns: tuple[str, ...], pieces: Iterable[bytes], tally: Tally
    ) -> None:
        """Add the rows of a table, which `tally` counts."""
        self._add(f"tables/{name}.csv", pieces, zipfile.ZIP_DEFLATED)
        manifest.tables[name] = Part(tally.sha256, tally.size, columns, tally.rows)

    def object(self, manifest: Manifest, key: str, pieces: Iterable[bytes]) -> None:
        """Add a sealed object; it does not get smaller, so it is stored as it is."""
        tally = Tally()
        self._add(f"objects/{key}", tally.over(pieces), zipfile.ZIP_STORED)
        manifest.objects[key] = Part(tally.sha256, tally.size)

    def end(self, manifest: Manifest, key: ArchiveKey) -> None:
        """Add the manifest and its voucher, and end the file."""
        text = manifest.to_json()
        self._zip.writestr(MANIFEST, text)
        self._zip.writestr(VOUCHER, key.voucher(text))
        self._zip.close()

    def _add(self, name: str, pieces: Iterable[bytes], method: int) -> None:
        entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
        entry.compress_type = method
        with self._zip.open(entry, "w", force_zip64=True) as out:
            for piece in pieces:
                out.write(piece)


class Reader:
    """Reads an archive from a file; raises `NotAnArchive` for anything else, and for one that was cut or changed."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            if self._zip.getinfo(MANIFEST).file_size > _LARGEST_MANIFEST:
                raise NotAnArchive("its manifest is too large")
            self._text = self._zip.read(MANIFEST)
            self._voucher = self._zip.read(VOUCHER).decode("ascii", "replace")
        except _DAMAGE as error:
            raise NotAnArchive("it is cut off, or something else") from error
        self.manifest = Manifest.from_json(self._text)

    def key(self, secret: str) -> ArchiveKey:
        """The archive's key by its passphrase or by the escrow key; raises `WrongPassphrase`."""
        key = ArchiveKey.opened(self.manifest.lock, secret)
        if not hmac.compare_digest(key.voucher(self._text), self._voucher):
            # A wrong passphrase is far likelier than a forger; the keys tell which of them it is.
            key.open(self.manifest.keys)
            raise NotAnArchive("its manifest was changed")
        return key

    def check(self) -> None:
        """Compare every part with its hash in the manifest, and the list of parts with what is there."""
        parts = {f"tables/{name}.csv": part for name, part in self.manifest.tables.items()}
        parts |= {f"objects/{key}": part for key, part in self.manifest.objects.items()}
        if sorted(self._zip.namelist()) != sorted([*parts, MANIFEST, VOUCHER]):
            raise NotAnArchive("files are missing from it, or do not belong in it")
        for name, part in parts.items():
            digest, size = sha256(), 0
            for piece in self._pieces(name):
                digest.update(piece)
                size += len(piece)
                if size > part.size:
                    break
            if (digest.hexdigest(), size) != (part.sha256, part.size):
                raise NotAnArchive(f"{name} was changed")

    def table(self, name: str) -> Iterator[bytes]:
        """The rows of a table, piece by piece."""
        return self._pieces(f"tables/{name}.csv")

    def object(self, key: str) -> Iterator[bytes]:
        """A sealed object, piece by piece."""
        return self._pieces(f"objects/{key}")

    def _pieces(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as source:
                while piece := source.read(_PIECE):
                    yield piece
        except _DAMAGE as error:
            raise NotAnArchive(f"{name} is damaged") from error
