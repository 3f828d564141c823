"""Where archives are kept, and how a company's sealed objects are listed, read, written and cleared as they are."""

import secrets
from collections.abc import Iterator
from functools import cache
from typing import IO

from trilend.archives.errors import Expired
from trilend.config import settings
from trilend.db.base import now
from trilend.db.sets import batched
from trilend.storage.errors import ObjectMissing
from trilend.storage.stores.interface import PIECE, ObjectStore, open_store, store

ARCHIVES = "archives"
_AT_ONCE = 1000


def archive_store() -> ObjectStore:
    """Where archives are: `archives/<tenant id>/<random>`; the store of objects unless settings name another."""
    return _opened(settings().archive_url or settings().storage_url)


def new_archive_name(tenant_id: str, ending: str) -> str:
    """A name for an archive that nobody can guess."""
    return f"{ARCHIVES}/{tenant_id}/{secrets.token_hex(16)}.{ending}"


def read_archive(name: str) -> Iterator[bytes]:
    """An archive piece by piece; raises `Expired` at once if it is gone."""
    found = archive_store().read(name)
    if found is None:
        raise Expired
    return found


def archives_of(tenant_id: str) -> list[str]:
    """Names of a company's archives."""
    return [entry.name for entry in archive_store().entries(f"{ARCHIVES}/{tenant_id}/")]


def objects_of(tenant_id: str) -> list[str]:
    """Names of a company's sealed objects, without the company's folder, in order."""
    return sorted(entry.name.removeprefix(f"{tenant_id}/") for entry in store().entries(f"{tenant_id}/"))


def read_object(tenant_id: str, name: str) -> Iterator[bytes]:
    """A sealed object as it lies; raises `ObjectMissing` at the first piece."""
    found = store().read(f"{tenant_id}/{name}")
    if found is None:
        raise ObjectMissing(name)
    yield from found


def clear_objects(tenant_id: str) -> int:
    """Remove all sealed objects of a company, and what killed writers left there; returns how many objects there were."""
    names = objects_of(tenant_id)
    for portion in batched(names, _AT_ONCE):
        store().delete([f"{tenant_id}/{name}" for name in portion])
    store().drop_unfinished(f"{tenant_id}/", now())
    return len(names)


def pieces_of(file: IO[bytes]) -> Iterator[bytes]:
    """An open file, piece by piece, from its beginning."""
    file.seek(0)
    while piece := file.read(PIECE):
        yield piece


_opened = cache(open_store)
