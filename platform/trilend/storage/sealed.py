"""Column types that encrypt on the way in, and the blind index by which a sealed value is found again."""

import hmac
import json
from hashlib import sha256
from typing import Any, ClassVar, TypeVar

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from trilend.storage.keys import active_key, index_key, tenant_key
from trilend.storage.numbered import head_of, number_of
from trilend.storage.primitives import seal, unseal

Value = TypeVar("Value")


class Sealed(TypeDecorator[Value]):
    """A value encrypted with the bound tenant's data key in use; never comparable in SQL."""

    sensitive = True
    impl = LargeBinary
    cache_ok = True
    purpose: ClassVar[str]
    context: ClassVar[bytes]

    def _seal(self, plain: bytes) -> bytes:
        number = active_key()
        head = head_of(number)
        return head + seal(tenant_key(self.purpose, number), plain, context=self.context + head)

    def _unseal(self, sealed: bytes) -> bytes:
        number = number_of(sealed)
        head = head_of(number)
        return unseal(tenant_key(self.purpose, number), sealed[len(head) :], context=self.context + head)


class SealedText(Sealed[str]):
    """Text, such as an identifier."""

    cache_ok = True
    purpose = "field"
    context = b"text"

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        """Encrypt."""
        return None if value is None else self._seal(value.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        """Decrypt."""
        return None if value is None else self._unseal(bytes(value)).decode()


class SealedJson(Sealed[dict[str, Any]]):
    """A JSON object; meant for secrets of connections."""

    cache_ok = True
    purpose = "secret"
    context = b"json"

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> bytes | None:
        """Encrypt."""
        return None if value is None else self._seal(json.dumps(value).encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> dict[str, Any] | None:
        """Decrypt."""
        return None if value is None else json.loads(self._unseal(bytes(value)))


def blind_index(value: str) -> str:
    """A keyed digest that equals for equal values within the bound tenant, and says nothing outside of it."""
    return hmac.new(index_key(), normal_for_index(value), sha256).hexdigest()


def normal_for_index(value: str) -> bytes:
    """What of a value counts when it is looked for: neither spaces nor case."""
    return "".join(value.split()).upper().encode()
