"""Hands a company's keys to the data steps of revisions, which run for a company that nobody is bound to."""

import hmac
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from trilend.storage.errors import KeyMissing
from trilend.storage.keys import INDEX_KEY, KeyRing, derive_index_key, derived_key, ring_of
from trilend.storage.numbered import head_of, number_of
from trilend.storage.primitives import seal, unseal
from trilend.storage.sealed import SealedJson, SealedText, normal_for_index
from trilend.tenancy.context import FIRST_KEY, RegistrySession
from trilend.tenancy.migration.seals import use_seals


@dataclass(frozen=True)
class RingSeals:
    """Seals and opens with a ring of bare keys as the column types do with the bound tenant's."""

    ring: KeyRing = field(repr=False)

    def open_text(self, sealed: bytes) -> str:
        """The text in a `SealedText` column; raises `KeyMissing`, `InvalidTag`."""
        return self._open(SealedText, sealed).decode()

    def seal_text(self, text: str) -> bytes:
        """A text for a `SealedText` column."""
        return self._seal(SealedText, text.encode())

    def open_json(self, sealed: bytes) -> dict[str, Any]:
        """The object in a `SealedJson` column; raises `KeyMissing`, `InvalidTag`."""
        found: dict[str, Any] = json.loads(self._open(SealedJson, sealed))
        return found

    def seal_json(self, value: dict[str, Any]) -> bytes:
        """An object for a `SealedJson` column."""
        return self._seal(SealedJson, json.dumps(value).encode())

    def blind_index(self, value: str) -> str:
        """As `sealed.blind_index` for the bound tenant."""
        own = self.ring.keys.get(INDEX_KEY)
        key = own if own is not None else derive_index_key(self._data_key(FIRST_KEY))
        return hmac.new(key, normal_for_index(value), sha256).hexdigest()

    def _open(self, column: type[SealedText] | type[SealedJson], sealed: bytes) -> bytes:
        number = number_of(bytes(sealed))
        head = head_of(number)
        key = derived_key(self._data_key(number), column.purpose)
        return unseal(key, bytes(sealed)[len(head) :], context=column.context + head)

    def _seal(self, column: type[SealedText] | type[SealedJson], plain: bytes) -> bytes:
        head = head_of(self.ring.active)
        key = derived_key(self._data_key(self.ring.active), column.purpose)
        return head + seal(key, plain, context=column.context + head)

    def _data_key(self, number: int) -> bytes:
        if number not in self.ring.keys:
            raise KeyMissing(number)
        return self.ring.keys[number]


def _of_tenant(tenant_id: str) -> RingSeals:
    with RegistrySession() as registry:
        ring = ring_of(registry, tenant_id)
        registry.commit()
    return RingSeals(ring)


use_seals(_of_tenant)
