"""Envelope encryption: the master key wraps each tenant's numbered data keys; keys for purposes derive from those."""

import base64
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.db.base import now
from trilend.storage.errors import KeyMissing
from trilend.storage.primitives import seal, unseal
from trilend.tenancy.context import FIRST_KEY, current_tenant
from trilend.tenancy.models import DataKey, Tenant
from trilend.tenancy.service import CACHE_SECONDS, tenant_by_id

INDEX_KEY = 0
"""The number under which the key of the blind index is kept once it no longer derives from key number 1."""

_CONTEXT = b"data-key"
_INDEX = "index"


@dataclass(frozen=True)
class KeyRing:
    """A tenant's bare data keys by number (number 0, if there, is that of the blind index), and the one in use."""

    keys: Mapping[int, bytes] = field(repr=False)
    active: int


def new_master_key() -> str:
    """A fresh master key in the form in which settings hold it."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


def new_wrapped_key() -> bytes:
    """A fresh data key for a tenant, wrapped by the master key."""
    return wrap(secrets.token_bytes(32))


def wrap(data_key: bytes) -> bytes:
    """A data key as the registry keeps it: sealed with the master key."""
    return seal(_master_keys()[0], data_key, context=_CONTEXT)


def unwrap(wrapped: bytes) -> bytes:
    """The bare data key; raises `InvalidTag` if no master key of this installation has wrapped it."""
    for master_key in _master_keys():
        try:
            return unseal(master_key, wrapped, context=_CONTEXT)
        except InvalidTag:
            continue
    raise InvalidTag


def is_wrapped_by_first(wrapped: bytes) -> bool:
    """Whether the master key itself, and not the other one, has wrapped this data key."""
    try:
        unseal(_master_keys()[0], wrapped, context=_CONTEXT)
    except InvalidTag:
        return False
    return True


def installation_keys(purpose: str) -> list[bytes]:
    """This installation's own 32-byte keys for one purpose, which no tenant's key leads to; the one in use first."""
    info = f"installation {purpose}".encode()
    return [HKDF(SHA256(), 32, salt=None, info=info).derive(master_key) for master_key in _master_keys()]


def active_key() -> int:
    """The number of the data key with which the bound tenant's new values are sealed."""
    return current_tenant().active_key


def tenant_key(purpose: str, number: int) -> bytes:
    """The bound tenant's 32-byte key for one purpose (`field`, `object`, `secret`) from one of its data keys.

    Raises `KeyMissing` if the data key has been destroyed.
    """
    return _derived(_wrapped(number), purpose)


def index_key() -> bytes:
    """The bound tenant's key for blind indexes, the same for ever: see docs/decisions/stable-blind-index.md."""
    if INDEX_KEY in current_tenant().wrapped_keys:
        return _unwrapped(_wrapped(INDEX_KEY))
    return _derived(_wrapped(FIRST_KEY), _INDEX)


def ring_of(session: Session, tenant_id: str) -> KeyRing:
    """A tenant's bare keys, such as an archive carries them; raises `KeyMissing` if they have been destroyed."""
    rows = adopt_keys(session, tenant_id)
    if not rows:
        raise KeyMissing(FIRST_KEY)
    in_use = [row.number for row in rows if row.retired_at is None and row.number >= FIRST_KEY]
    return KeyRing({row.number: unwrap(row.wrapped) for row in rows}, max(in_use))


def store_ring(session: Session, tenant_id: str, ring: KeyRing) -> None:
    """Give a tenant these keys instead of those it has, wrapped by this installation; part of the caller's transaction.

    What was sealed with other keys can never be opened again: for a tenant that has nothing yet.
    """
    destroy_keys(session, tenant_id)
    retired = now()
    session.add_all(
        DataKey(
            tenant_id=tenant_id,
            number=number,
            wrapped=wrap(key),
            retired_at=None if number in (ring.active, INDEX_KEY) else retired,
        )
        for number, key in ring.keys.items()
    )
    session.flush()


def destroy_keys(session: Session, tenant_id: str) -> None:
    """Destroy all keys of a tenant: what is sealed with them is lost from the caller's commit on.

    Other processes forget them within the five seconds for which they remember a tenant, and copies of the registry
    (backups, archives) keep them until they are destroyed too.
    """
    session.execute(delete(DataKey).where(DataKey.tenant_id == tenant_id))
    tenant = session.get_one(Tenant, tenant_id)
    tenant.wrapped_key = None
    session.flush()
    session.expire(tenant, ["data_keys"])


def adopt_keys(session: Session, tenant_id: str) -> list[DataKey]:
    """The rows of a tenant's keys by number, locked against another rotation.

    One that was signed up by a process of the release before gets its row now.
    """
    tenant = session.scalars(select(Tenant).where(Tenant.id == tenant_id).with_for_update()).one()
    rows = list(session.scalars(select(DataKey).where(DataKey.tenant_id == tenant_id).order_by(DataKey.number)))
    if not rows and tenant.wrapped_key is not None:
        rows = [DataKey(tenant_id=tenant_id, number=FIRST_KEY, wrapped=tenant.wrapped_key)]
        session.add_all(rows)
        session.flush()
    return rows


def _wrapped(number: int) -> bytes:
    tenant = current_tenant()
    # A job that began before a rotation holds the keys of that time, and may read what was sealed since.
    return tenant.wrapped_keys.get(number) or _looked_up(tenant.id, number, int(time.monotonic() / CACHE_SECONDS))


@lru_cache(maxsize=1024)
def _looked_up(tenant_id: str, number: int, _moment: int) -> bytes:
    found = tenant_by_id(tenant_id).wrapped_keys.get(number)
    if found is None:
        raise KeyMissing(number)
    return found


def _master_keys() -> list[bytes]:
    configured = settings()
    given = [("TRILEND_MASTER_KEY", configured.master_key), ("TRILEND_MASTER_KEY_OTHER", configured.master_key_other)]
    return [_key_bytes(name, key.get_secret_value()) for name, key in given if key is not None]


def _key_bytes(name: str, text: str) -> bytes:
    key = base64.b64decode(text)
    if len(key) != 32:
        raise ValueError(f"{name} must be 32 bytes in base64")
    return key


def derive_index_key(data_key: bytes) -> bytes:
    """The key of the blind index as it derives from key number 1; kept as number 0 once that one is retired."""
    return _derive(data_key, _INDEX)


def derived_key(data_key: bytes, purpose: str) -> bytes:
    """The key for one purpose from a bare data key; `tenant_key` for whoever is bound to the tenant."""
    return _derive(data_key, purpose)


@lru_cache(maxsize=4096)
def _unwrapped(wrapped: bytes) -> bytes:
    return unwrap(wrapped)


@lru_cache(maxsize=16384)
def _derived(wrapped: bytes, purpose: str) -> bytes:
    return _derive(_unwrapped(wrapped), purpose)


def _derive(data_key: bytes, purpose: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(data_key)
