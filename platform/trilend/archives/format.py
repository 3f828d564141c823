"""What an archive is: a ZIP file with a table each as CSV, the sealed objects, and a manifest with a hash of each."""

import base64
import hmac
import json
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from hashlib import scrypt, sha256
from pathlib import Path
from secrets import token_bytes
from typing import IO, Any

from cryptography.exceptions import InvalidTag

from trilend.archives.errors import NotAnArchive, WrongPassphrase
from trilend.storage.primitives import seal, unseal

VERSION = 1
MANIFEST, VOUCHER = "manifest.json", "manifest.hmac"
_PIECE = 1 << 20
# About a tenth of a second and 128 MB for each guess (RFC 7914).
_SCRYPT = {"n": 1 << 17, "r": 8, "p": 1, "maxmem": 256 << 20, "dklen": 32}


@dataclass(frozen=True)
class Part:
    """A file in the archive: its SHA-256, its size, and for a table how many columns in which order."""

    sha256: str
    size: int
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Manifest:
    """What is in an archive and whose it is; it stands last in the file, and without it the file is not whole."""

    company: Mapping[str, Any]
    revision: str
    made_at: str
    sequences: Mapping[str, int]
    keys: str
    salt: str
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
                    name: Part(part["sha256"], part["size"], tuple(part["columns"]))
                    for name, part in values[kind].items()
                }
            return cls(**values)
        except (ValueError, KeyError, TypeError) as error:
            raise NotAnArchive("its manifest cannot be read") from error


class Writer:
    """Writes an archive piece by piece to a file that need not be sought in; hashes on the way."""

    def __init__(self, target: IO[bytes]) -> None:
        self._zip = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, allowZip64=True, compresslevel=1)

    def table(self, manifest: Manifest, name: str, columns: tuple[str, ...], pieces: Iterable[bytes]) -> None:
        """Add the rows of a table."""
        manifest.tables[name] = self._add(f"tables/{name}.csv", pieces, columns)

    def object(self, manifest: Manifest, key: str, pieces: Iterable[bytes]) -> None:
        """Add a sealed object; it does not get smaller, so it is stored as it is."""
        manifest.objects[key] = self._add(f"objects/{key}", pieces, method=zipfile.ZIP_STORED)

    def end(self, manifest: Manifest, key: "ArchiveKey") -> None:
        """Add the manifest and its voucher, and end the file."""
        text = manifest.to_json()
        self._zip.writestr(MANIFEST, text)
        self._zip.writestr(VOUCHER, key.voucher(text))
        self._zip.close()

    def _add(
        self, name: str, pieces: Iterable[bytes], columns: tuple[str, ...] = (), method: int = zipfile.ZIP_DEFLATED
    ) -> Part:
        digest, size = sha256(), 0
        entry = zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0))
        entry.compress_type = method
        with self._zip.open(entry, "w", force_zip64=True) as out:
            for piece in pieces:
                digest.update(piece)
                size += len(piece)
                out.write(piece)
        return Part(digest.hexdigest(), size, columns)


class Reader:
    """Reads an archive from a file; raises `NotAnArchive` for anything else, and for one that was cut or changed."""

    def __init__(self, file: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            self._text = self._zip.read(MANIFEST)
            self._voucher = self._zip.read(VOUCHER).decode("ascii", "replace")
            self.manifest = Manifest.from_json(self._text)
        except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
            raise NotAnArchive("it is cut off, or something else") from error

    def key(self, passphrase: str) -> "ArchiveKey":
        """The archive's key; raises `WrongPassphrase`."""
        key = ArchiveKey(passphrase, base64.b64decode(self.manifest.salt))
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
            digest = sha256()
            for piece in self._pieces(name):
                digest.update(piece)
            if digest.hexdigest() != part.sha256:
                raise NotAnArchive(f"{name} was changed")

    def table(self, name: str) -> Iterator[bytes]:
        """The rows of a table, piece by piece."""
        return self._pieces(f"tables/{name}.csv")

    def object(self, key: str) -> IO[bytes]:
        """A sealed object, to be read."""
        return self._zip.open(f"objects/{key}")

    def _pieces(self, name: str) -> Iterator[bytes]:
        try:
            with self._zip.open(name) as source:
                while piece := source.read(_PIECE):
                    yield piece
        except (zipfile.BadZipFile, EOFError) as error:
            raise NotAnArchive(f"{name} is damaged") from error


class ArchiveKey:
    """What a passphrase becomes with an archive's salt: it seals the company's keys and vouches for the manifest."""

    def __init__(self, passphrase: str, salt: bytes) -> None:
        self.salt = salt
        self._key = scrypt(passphrase.encode(), salt=salt, **_SCRYPT)

    @classmethod
    def new(cls, passphrase: str) -> "ArchiveKey":
        """For an archive that is to be made."""
        return cls(passphrase, token_bytes(16))

    def seal(self, keys: Mapping[int, bytes], active: int) -> str:
        """A company's bare data keys and which of them is in use, sealed, in base64."""
        text = {"active": active, "keys": {str(n): base64.b64encode(key).decode() for n, key in keys.items()}}
        return base64.b64encode(seal(self._key, json.dumps(text).encode(), context=b"archive")).decode()

    def open(self, sealed: str) -> tuple[dict[int, bytes], int]:
        """The bare data keys and which of them is in use; raises `WrongPassphrase`."""
        try:
            plain = json.loads(unseal(self._key, base64.b64decode(sealed), context=b"archive"))
        except InvalidTag as error:
            raise WrongPassphrase from error
        return {int(n): base64.b64decode(each) for n, each in plain["keys"].items()}, plain["active"]

    def voucher(self, manifest: bytes) -> str:
        """Says that whoever knew the passphrase made this manifest, and with it every hash in it."""
        return hmac.new(self._key, b"manifest" + manifest, sha256).hexdigest()
