"""Column types that encrypt on the way in, and the blind index by which a sealed value is found again."""

import hmac
import json
from hashlib import sha256
from typing import Any

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from trilend.storage.keys import tenant_key
from trilend.storage.primitives import seal, unseal


class SealedText(TypeDecorator[str]):
    """Text encrypted with the bound tenant's key; never comparable in SQL."""

    sensitive = True
    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encrypt."""
        return None if value is None else seal(tenant_key("field"), value.encode(), context=b"text")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Decrypt."""
        return None if value is None else unseal(tenant_key("field"), bytes(value), context=b"text").decode()


class SealedJson(TypeDecorator[dict[str, Any]]):
    """A JSON object encrypted with the bound tenant's key; meant for secrets of connections."""

    sensitive = True
    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> bytes | None:
        """Encrypt."""
        return None if value is None else seal(tenant_key("secret"), json.dumps(value).encode(), context=b"json")

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> dict[str, Any] | None:
        """Decrypt."""
        return None if value is None else json.loads(unseal(tenant_key("secret"), bytes(value), context=b"json"))


def blind_index(value: str) -> str:
    """A keyed digest that equals for equal values within the bound tenant, and says nothing outside of it."""
    normal = "".join(value.split()).upper()
    return hmac.new(tenant_key("index"), normal.encode(), sha256).hexdigest()
