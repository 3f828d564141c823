"""What every store of sealed bytes does, and how one is opened by its address."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from trilend.config import settings

PIECE = 1 << 16
"""About how many bytes are handed on at once."""


@dataclass(frozen=True)
class Entry:
    """A name in a store, how many bytes it has, and since when."""

    name: str
    size: int
    modified: datetime


class ObjectStore(Protocol):
    """Where sealed bytes are kept, by name.

    Raises `StorageAway` when the store does not answer and `StorageFull` when it takes no more; both say what to do.
    """

    def write(self, name: str, pieces: Iterable[bytes]) -> int:
        """Keep bytes under a name: durable and whole when this returns, and not there at all when it (or `pieces`) raises.

        Returns how many bytes there are.
        """
        ...

    def read(self, name: str, first: int = 0, last: int | None = None) -> Iterator[bytes] | None:
        """The bytes under a name from offset `first` to offset `last` (included), or None if there is no such name."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Forget names; those that are not there are none the less forgotten."""
        ...

    def entries(self, prefix: str) -> Iterator[Entry]:
        """All names that begin with `prefix`, a folder (`tenant/`)."""
        ...

    def drop_unfinished(self, prefix: str, before: datetime) -> int:
        """Remove what writers that died before an instant have left below a folder; returns how many remains there were."""
        ...


def open_store(url: str) -> ObjectStore:
    """The store at an address; raises `ValueError` for one that is not known."""
    from trilend.storage.stores.bucket import Bucket
    from trilend.storage.stores.folder import LocalFolder

    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalFolder(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return Bucket(parts.netloc, None)
    if parts.scheme in ("s3+http", "s3+https"):
        return Bucket(parts.path.strip("/"), f"{parts.scheme[3:]}://{parts.netloc}")
    raise ValueError(f"TRILEND_STORAGE_URL begins with file://, s3://, s3+http:// or s3+https://, not {parts.scheme}")


def store() -> ObjectStore:
    """The store of this installation."""
    return _opened(settings().storage_url)


_opened = cache(open_store)
