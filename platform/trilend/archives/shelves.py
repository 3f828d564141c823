"""Where archives are kept, and a company's sealed objects as files: listed, streamed and removed under their names."""

import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Protocol
from urllib.parse import unquote, urlsplit

import boto3
from botocore.exceptions import ClientError

from trilend.config import settings
from trilend.db.sets import batched

ARCHIVES = "archives"
_PIECE = 1 << 18


class Shelf(Protocol):
    """Files by name, streamed both ways."""

    def names(self, folder: str) -> Iterator[str]:
        """All names below a folder, without the folder."""
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """A file piece by piece; raises `FileNotFoundError` at the first."""
        ...

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Keep a file; it is there whole and durable when this returns, and not at all if it fails."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file; nothing happens if it is gone."""
        ...

    def clear(self, folder: str) -> int:
        """Remove all files below a folder, and what killed writers left there; returns how many files there were."""
        ...


class Folder:
    """Files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self, folder: str) -> Iterator[str]:
        """In no order."""
        top = self._root / folder
        for path in top.rglob("*"):
            if path.is_file() and path.suffix != ".part":
                yield path.relative_to(top).as_posix()

    def read(self, name: str) -> Iterator[bytes]:
        """Read."""
        with (self._root / name).open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Write aside, flush to disk, then put in place."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f"{path.name}.part")
        try:
            with aside.open("wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)

    def remove(self, name: str) -> None:
        """Remove, and the folders that are empty then."""
        path = self._root / name
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self._root or not folder.is_dir() or any(folder.iterdir()):
                return
            folder.rmdir()

    def clear(self, folder: str) -> int:
        """The folder with all that is in it."""
        found = sum(1 for _ in self.names(folder))
        shutil.rmtree(self._root / folder, ignore_errors=True)
        return found


class Bucket:
    """Files in an S3 bucket."""

    def __init__(self, bucket: str, endpoint: str | None) -> None:
        self._bucket = bucket
        self._client: Any = boto3.client("s3", endpoint_url=endpoint)

    def names(self, folder: str) -> Iterator[str]:
        """A page of a thousand at a time."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=f"{folder}/")
        for page in pages:
            for found in page.get("Contents", ()):
                yield str(found["Key"]).removeprefix(f"{folder}/")

    def read(self, name: str) -> Iterator[bytes]:
        """Get."""
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=name)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                raise FileNotFoundError(name) from error
            raise
        yield from body.iter_chunks(_PIECE)

    def write(self, name: str, pieces: Iterable[bytes]) -> None:
        """Put, in parts if it is large; from a file, since S3 wants to know how much comes."""
        with TemporaryFile() as file:
            file.writelines(pieces)
            file.seek(0)
            self._client.upload_fileobj(file, self._bucket, name)

    def remove(self, name: str) -> None:
        """Delete."""
        self._client.delete_object(Bucket=self._bucket, Key=name)

    def clear(self, folder: str) -> int:
        """A thousand in one request."""
        found = 0
        for names in batched(list(self.names(folder)), 1000):
            listed = [{"Key": f"{folder}/{name}"} for name in names]
            self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": listed, "Quiet": True})
            found += len(names)
        return found


def objects() -> Shelf:
    """Where all companies' sealed objects are: `<tenant id>/<area>/<random>`."""
    return _shelf(settings().storage_url)


def archives() -> Shelf:
    """Where archives are: `archives/<tenant id>/<random>`; the same place as objects unless settings name another."""
    return _shelf(settings().archive_url or settings().storage_url)


def stored(file: IO[bytes]) -> Iterator[bytes]:
    """An open file, piece by piece, from its beginning."""
    file.seek(0)
    while piece := file.read(_PIECE):
        yield piece


def new_name(tenant_id: str, ending: str) -> str:
    """A name for an archive that nobody can guess."""
    return f"{ARCHIVES}/{tenant_id}/{secrets.token_hex(16)}.{ending}"


@cache
def _shelf(url: str) -> Shelf:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return Bucket(parts.netloc, None)
    if parts.scheme in ("s3+http", "s3+https"):
        return Bucket(parts.path.strip("/"), f"{parts.scheme[3:]}://{parts.netloc}")
    raise ValueError(f"TRILEND_ARCHIVE_URL begins with file://, s3://, s3+http:// or s3+https://, not {parts.scheme}")
