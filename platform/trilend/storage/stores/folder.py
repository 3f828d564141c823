"""Keeps objects as files below a folder (`file:///…`)."""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import structlog

from trilend.storage.errors import StorageAway, StorageFull
from trilend.storage.stores.interface import PIECE, Entry

log = structlog.get_logger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_PART = ".part"


class LocalFolder:
    """Objects as files; one is written aside, flushed to disk, and then put in place."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, pieces: Iterable[bytes]) -> int:
        """Write aside, flush, put in place; the part is removed if anything goes wrong."""
        path = self._path(name)
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}{_PART}")
        try:
            with _told_as_away():
                path.parent.mkdir(parents=True, exist_ok=True)
                file = part.open("xb")
            with file:
                size = _fill(file, pieces)
                with _told_as_away():
                    file.flush()
                    os.fsync(file.fileno())
            with _told_as_away():
                part.replace(path)
                _flush_folder(path.parent)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise
        return size

    def read(self, name: str, first: int = 0, last: int | None = None) -> Iterator[bytes] | None:
        """Read a file; it stays readable to the end if it is removed meanwhile."""
        with _told_as_away():
            try:
                file = self._path(name).open("rb")
            except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
                return None
            file.seek(first)
        pieces = _pieces(file, None if last is None else last - first + 1)
        next(pieces)
        return pieces

    def delete(self, names: Sequence[str]) -> None:
        """Remove files."""
        with _told_as_away():
            for name in names:
                self._path(name).unlink(missing_ok=True)

    def entries(self, prefix: str) -> Iterator[Entry]:
        """Walk a folder."""
        for path, stat in self._files(prefix):
            if not path.name.endswith(_PART):
                yield Entry(path.relative_to(self._root).as_posix(), stat.st_size, _instant(stat))

    def drop_unfinished(self, prefix: str, before: datetime) -> int:
        """Remove old parts."""
        left = [path for path, stat in self._files(prefix) if path.name.endswith(_PART) and _instant(stat) < before]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def _files(self, prefix: str) -> Iterator[tuple[Path, os.stat_result]]:
        with _told_as_away():
            for folder, _, names in os.walk(self._path(prefix)):
                for name in names:
                    path = Path(folder, name)
                    with suppress(FileNotFoundError):
                        yield path, path.stat()

    def _path(self, name: str) -> Path:
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError(f"not a name of an object: {name!r}")
        return self._root / name


def _fill(file: BinaryIO, pieces: Iterable[bytes]) -> int:
    size = 0
    for piece in pieces:
        with _told_as_away():
            file.write(piece)
        size += len(piece)
    return size


def _pieces(file: BinaryIO, left: int | None) -> Iterator[bytes]:
    with file:
        # Begun at once, so that the file is closed even if nobody asks for more.
        yield b""
        while left is None or left > 0:
            with _told_as_away():
                piece = file.read(PIECE if left is None else min(PIECE, left))
            if not piece:
                return
            if left is not None:
                left -= len(piece)
            yield piece


def _flush_folder(folder: Path) -> None:
    """Without this a file that was put in place may be gone after a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _instant(stat: os.stat_result) -> datetime:
    return datetime.fromtimestamp(stat.st_mtime, UTC)


@contextmanager
def _told_as_away() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        log.warning("folder of files failed", error=str(error))
        raise (StorageFull() if error.errno in _FULL else StorageAway()) from error
