"""Stores a tenant's files, encrypted, in a local folder or in an S3 bucket."""

import os
import re
import secrets
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import boto3
from botocore.exceptions import ClientError
from flask_babel import lazy_gettext as _l

from trilend.config import settings
from trilend.errors import NotFound
from trilend.storage.keys import active_key, tenant_key
from trilend.storage.numbered import head_of, number_of
from trilend.storage.primitives import seal, unseal
from trilend.tenancy.context import current_tenant

_KEY = re.compile(r"[a-z]+/[0-9a-f]{32}")


class ObjectStore(Protocol):
    """Where sealed bytes are kept, by name."""

    def write(self, name: str, content: bytes) -> None:
        """Keep bytes under a name; durable when this returns."""
        ...

    def read(self, name: str) -> bytes | None:
        """The bytes under a name, or None."""
        ...


class LocalFolder:
    """Objects as files below a folder (`file:///…`)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, name: str, content: bytes) -> None:
        """Write aside, flush to disk, then put in place."""
        path = self._root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        waiting = path.with_suffix(".part")
        with waiting.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        waiting.replace(path)

    def read(self, name: str) -> bytes | None:
        """Read a file."""
        path = self._root / name
        return path.read_bytes() if path.is_file() else None


class Bucket:
    """Objects in an S3 bucket (`s3://bucket`, or `s3+http://host:port/bucket` for a server of one's own).

    Credentials come from the environment, as boto3 takes them.
    """

    def __init__(self, bucket: str, endpoint: str | None) -> None:
        self._bucket = bucket
        self._client: Any = boto3.client("s3", endpoint_url=endpoint)

    def write(self, name: str, content: bytes) -> None:
        """Put an object."""
        self._client.put_object(Bucket=self._bucket, Key=name, Body=content)

    def read(self, name: str) -> bytes | None:
        """Get an object."""
        try:
            return bytes(self._client.get_object(Bucket=self._bucket, Key=name)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise


def put(area: str, content: bytes) -> str:
    """Store bytes for the bound tenant and return their key (`<area>/<random>`); durable when this returns."""
    key = f"{area}/{secrets.token_hex(16)}"
    number = active_key()
    head = head_of(number)
    sealed = head + seal(tenant_key("object", number), content, context=key.encode() + head)
    _store(settings().storage_url).write(_name(key), sealed)
    return key


def get(key: str) -> bytes:
    """Read back an object of the bound tenant; raises `NotFound`."""
    sealed = _store(settings().storage_url).read(_name(key)) if _KEY.fullmatch(key) else None
    if sealed is None:
        raise NotFound(_l("The stored file is missing. Tell the operator of the platform."), key=key)
    number = number_of(sealed)
    head = head_of(number)
    return unseal(tenant_key("object", number), sealed[len(head) :], context=key.encode() + head)


def open_store(url: str) -> ObjectStore:
    """The store at an address; raises `ValueError` for one that is not known."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return LocalFolder(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return Bucket(parts.netloc, None)
    if parts.scheme in ("s3+http", "s3+https"):
        return Bucket(parts.path.strip("/"), f"{parts.scheme[3:]}://{parts.netloc}")
    raise ValueError(f"TRILEND_STORAGE_URL begins with file://, s3://, s3+http:// or s3+https://, not {parts.scheme}")


_store = cache(open_store)


def _name(key: str) -> str:
    return f"{current_tenant().id}/{key}"
