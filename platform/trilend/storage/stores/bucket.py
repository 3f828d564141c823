"""Keeps objects in an S3 bucket (`s3://bucket`, or `s3+http://host:port/bucket` for a server of one's own)."""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import boto3
import structlog
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from trilend.storage.errors import StorageAway, StorageFull
from trilend.storage.stores.interface import PIECE, Entry

log = structlog.get_logger(__name__)

_PART = 8 << 20
_AT_ONCE = 1000
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_NO_UPLOAD = "NoSuchUpload"
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "EntityTooLarge", "InsufficientStorage", "507"})
# Servers other than Amazon's do not all know the newer check sums, and TLS checks what travels.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 3},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
# One part at a time, in the caller's thread: the memory is bounded, and what is bound to the thread stays bound.
_TRANSFER = TransferConfig(multipart_threshold=_PART, multipart_chunksize=_PART, use_threads=False)


class Bucket:
    """Objects in a bucket; large ones go in parts. Credentials come from the environment, as boto3 takes them."""

    def __init__(self, bucket: str, endpoint: str | None) -> None:
        self._bucket = bucket
        self._client: Any = boto3.client("s3", endpoint_url=endpoint, config=_CONFIG)

    def write(self, name: str, pieces: Iterable[bytes]) -> int:
        """Upload; the parts of an upload that fails are given up, so that none is ever half there."""
        source = _Source(pieces)
        with _told_as_away(source):
            self._client.upload_fileobj(source, self._bucket, name, Config=_TRANSFER)
        return source.size

    def read(self, name: str, first: int = 0, last: int | None = None) -> Iterator[bytes] | None:
        """Download a range; it has begun when this returns."""
        wanted = {} if first == 0 and last is None else {"Range": f"bytes={first}-{'' if last is None else last}"}
        with _told_as_away():
            try:
                body = self._client.get_object(Bucket=self._bucket, Key=name, **wanted)["Body"]
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in _MISSING:
                    return None
                if code == "InvalidRange":
                    return iter(())
                raise
        pieces = _pieces(body)
        next(pieces)
        return pieces

    def delete(self, names: Sequence[str]) -> None:
        """Delete, a thousand at a time."""
        with _told_as_away():
            for start in range(0, len(names), _AT_ONCE):
                keys = [{"Key": name} for name in names[start : start + _AT_ONCE]]
                answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True})
                if answer.get("Errors"):
                    raise StorageAway

    def entries(self, prefix: str) -> Iterator[Entry]:
        """List, page by page."""
        with _told_as_away():
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix):
                for found in page.get("Contents", ()):
                    yield Entry(found["Key"], found["Size"], found["LastModified"])

    def drop_unfinished(self, prefix: str, before: datetime) -> int:
        """Give up uploads that nobody finishes."""
        dropped = 0
        with _told_as_away():
            pages = self._client.get_paginator("list_multipart_uploads")
            for page in pages.paginate(Bucket=self._bucket, Prefix=prefix):
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before:
                        self._abort(upload)
                        dropped += 1
        return dropped

    def _abort(self, upload: dict[str, Any]) -> None:
        try:
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        except ClientError as error:
            if error.response["Error"]["Code"] != _NO_UPLOAD:
                raise


class _Source(io.RawIOBase):
    """Pieces as the file that boto3 reads; remembers what `pieces` raised, and how much it gave."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = bytearray()
        self.size = 0
        self.error: BaseException | None = None

    def readable(self) -> bool:
        """It can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """As much as was asked for, unless it is the end."""
        while size < 0 or len(self._rest) < size:
            try:
                piece = next(self._pieces, None)
            except BaseException as error:
                self.error = error
                raise
            if piece is None:
                break
            self._rest += piece
            self.size += len(piece)
        taken = bytes(self._rest if size < 0 else self._rest[:size])
        del self._rest[: len(taken)]
        return taken


def _pieces(body: Any) -> Iterator[bytes]:
    try:
        # Begun at once, so that the connection is given back even if nobody asks for more.
        yield b""
        with _told_as_away():
            yield from body.iter_chunks(PIECE)
    finally:
        body.close()


@contextmanager
def _told_as_away(source: _Source | None = None) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, S3UploadFailedError, HTTPError) as error:
        if source is not None and source.error is not None:
            raise source.error from error
        log.warning("bucket failed", error=str(error))
        raise (StorageFull() if _is_full(error) else StorageAway()) from error


def _is_full(error: BaseException) -> bool:
    found = error if isinstance(error, ClientError) else error.__context__
    return isinstance(found, ClientError) and found.response["Error"]["Code"] in _FULL
