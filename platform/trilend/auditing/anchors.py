"""Anchors: the end of a tenant's chain, signed with the time, kept in its schema and in the registry."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.audit.models import AnchorMethod, AuditAnchor, RegistryAnchor
from trilend.auditing.errors import TimestampRefused
from trilend.auditing.timestamps import Stamp, is_configured, request_timestamp, verify_timestamp
from trilend.db.base import now
from trilend.storage.keys import installation_keys
from trilend.tenancy.context import BoundTenant, RegistrySession, current_tenant

_OWN = "own key "
_FIELDS = ("number", "hash", "method", "signer", "statement", "signature", "signed_at")


@dataclass(frozen=True)
class Anchor:
    """A signed end of a chain, wherever it is kept."""

    number: int
    hash: bytes
    method: AnchorMethod
    signer: str
    statement: str
    signature: bytes
    signed_at: datetime

    @classmethod
    def of(cls, row: Any) -> "Anchor":
        """A row of either table."""
        return cls(*(getattr(row, field) for field in _FIELDS))

    @property
    def by_authority(self) -> bool:
        """Whether somebody outside of this installation vouches for the time."""
        return self.method == AnchorMethod.TIMESTAMP


def wanted_method() -> AnchorMethod:
    """How this installation signs."""
    return AnchorMethod.TIMESTAMP if is_configured() else AnchorMethod.OWN_KEY


def registry_anchors(tenant_id: str) -> Sequence[Anchor]:
    """The registry's anchors of a tenant, oldest first."""
    with RegistrySession() as registry:
        rows = registry.scalars(
            select(RegistryAnchor).where(RegistryAnchor.tenant_id == tenant_id).order_by(RegistryAnchor.number)
        )
        return [Anchor.of(row) for row in rows]


def newest_anchor(session: Session) -> Anchor | None:
    """The tenant's own newest anchor."""
    row = session.scalar(select(AuditAnchor).order_by(AuditAnchor.number.desc(), AuditAnchor.id.desc()).limit(1))
    return Anchor.of(row) if row else None


def anchor_chain(session: Session, number: int, hash_: bytes) -> Anchor | None:
    """Have the end of the bound tenant's chain signed, and keep it in both places; None when it is signed already.

    No transaction is open while the authority is asked. After a crash between the two places the next run goes on:
    what the registry has and the tenant has not is copied. Raises what `timestamps` raises.
    """
    tenant = current_tenant()
    held = registry_anchors(tenant.id)
    _copy(session, held)
    newest = held[-1] if held else None
    if number == 0 or (newest and newest.number == number and newest.method == wanted_method()):
        return None
    made = sign(tenant, number, hash_)
    with RegistrySession() as registry:
        values = {field: getattr(made, field) for field in _FIELDS}
        registry.execute(insert(RegistryAnchor).values(tenant_id=tenant.id, **values).on_conflict_do_nothing())
        registry.commit()
    _copy(session, registry_anchors(tenant.id))
    return made


def sign(tenant: BoundTenant, number: int, hash_: bytes) -> Anchor:
    """A signed statement that this tenant's chain ended so at this moment."""
    at = now()
    statement = json.dumps(
        {
            "chain": "trilend-audit-1",
            "tenant": tenant.id,
            "company": tenant.uscc,
            "number": number,
            "hash": hash_.hex(),
            "stated_at": at.isoformat(),
        },
        sort_keys=True,
    )
    method = wanted_method()
    if method == AnchorMethod.TIMESTAMP:
        signature = request_timestamp(statement.encode())
        stamp = verify_timestamp(statement.encode(), signature)
    else:
        signature = _own_key().sign(statement.encode())
        stamp = Stamp(own_name(), at)
    return Anchor(number, hash_, method, stamp.signer, statement, signature, stamp.at)


def adopt_anchors(session: Session) -> Sequence[Anchor]:
    """Take the sound anchors of a tenant that came from elsewhere into this registry, which has none of it yet.

    What another installation signed with its own key cannot be verified here and is left where it is.
    """
    tenant = current_tenant()
    brought = [Anchor.of(row) for row in session.scalars(select(AuditAnchor).order_by(AuditAnchor.number))]
    session.rollback()
    sound = [anchor for anchor in brought if not fault_of(anchor, tenant)]
    if sound:
        rows = [{field: getattr(anchor, field) for field in _FIELDS} | {"tenant_id": tenant.id} for anchor in sound]
        with RegistrySession() as registry:
            registry.execute(insert(RegistryAnchor).values(rows).on_conflict_do_nothing())
            registry.commit()
    return sound


def is_of_another_installation(anchor: Anchor) -> bool:
    """Whether another installation signed it with its own key: here it proves nothing, for or against."""
    return not anchor.by_authority and anchor.signer.startswith(_OWN) and anchor.signer not in _own_keys()


def fault_of(anchor: Anchor, tenant: BoundTenant) -> str:
    """Why an anchor proves nothing, or an empty text."""
    try:
        stated = json.loads(anchor.statement)
        says = (stated["company"], stated["number"], stated["hash"])
    except (ValueError, KeyError, TypeError):
        return "its statement cannot be read"
    if says != (tenant.uscc, anchor.number, bytes(anchor.hash).hex()):
        return "its statement is about something else"
    try:
        if anchor.by_authority:
            stamp = verify_timestamp(anchor.statement.encode(), bytes(anchor.signature))
            return "" if stamp.at == anchor.signed_at else "it was signed at another time"
        _own_keys().get(anchor.signer, _own_key()).public_key().verify(
            bytes(anchor.signature), anchor.statement.encode()
        )
    except (InvalidSignature, TimestampRefused) as error:
        return f"its signature does not verify ({error})" if str(error) else "its signature does not verify"
    return "" if stated["stated_at"] == anchor.signed_at.isoformat() else "it was signed at another time"


def own_name() -> str:
    """What this installation's own key is called: by the beginning of its public half."""
    return next(iter(_own_keys()))


def _own_key() -> Ed25519PrivateKey:
    return next(iter(_own_keys().values()))


def _own_keys() -> dict[str, Ed25519PrivateKey]:
    """The key in use, and while the master key is being exchanged the former one, by what they are called."""
    keys = [Ed25519PrivateKey.from_private_bytes(key) for key in installation_keys("audit-anchor")]
    return {f"{_OWN}{key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()[:16]}": key for key in keys}


def _copy(session: Session, anchors: Sequence[Anchor]) -> None:
    if anchors:
        rows = [{field: getattr(anchor, field) for field in _FIELDS} for anchor in anchors]
        session.execute(insert(AuditAnchor).values(rows).on_conflict_do_nothing())
        session.commit()
