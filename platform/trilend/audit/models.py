"""The audit log of a tenant: its lines, the chain through them, and the signatures that hold the chain in time."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import DDL, JSON, Index, LargeBinary, String, Text, UniqueConstraint, event, func, text
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from trilend.audit.chain import GENESIS, RULES, WRITABLE
from trilend.db.base import REGISTRY_SCHEMA, BigKey, Created, RegistryBase, TenantBase


class AuditEntry(Created, TenantBase):
    """An act on a subject: actor, verb, subject, reason, what changed, and details without personal identifiers.

    `changes` holds a pair of before and after for each field. `transaction_id` is the database's own number of the
    transaction that wrote the line; a tenant's role can choose neither it nor `id` nor `created_at`.
    """

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("audit_entry_subject", "subject_type", "subject_id"),
        Index("audit_entry_time", "created_at", "id"),
        Index("audit_entry_actor", "actor", "created_at", "id"),
        Index("audit_entry_act", "act", "created_at", "id"),
        {"info": {"append_only": True, "insertable": WRITABLE, "ddl": RULES}},
    )

    id: Mapped[BigKey]
    actor_id: Mapped[int | None]
    actor: Mapped[str] = mapped_column(String(100))
    act: Mapped[str] = mapped_column(String(64))
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    reason: Mapped[str] = mapped_column(String(500), default="")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    transaction_id: Mapped[int] = mapped_column(
        server_default=text("(CAST(CAST(pg_current_xact_id() AS text) AS bigint))")
    )


class AuditLink(TenantBase):
    """The place of a line in the chain: its number in the order of commits, and the hash that ties it to the one before.

    Written by the database as the last act of a transaction, never by the tenant's role.
    """

    __tablename__ = "audit_link"
    __table_args__ = ({"info": {"append_only": True, "read_only": True}},)

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    entry_id: Mapped[int] = mapped_column(unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    linked_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


class AuditHead(TenantBase):
    """The one row with the end of the chain; whoever adds to it holds this row for the end of the transaction."""

    __tablename__ = "audit_head"
    __table_args__ = ({"info": {"read_only": True}},)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary)


HEAD_SEED = f"INSERT INTO audit_head (id, number, hash) VALUES (1, 0, '\\x{GENESIS.hex()}')"


class AnchorMethod(StrEnum):
    """Who vouches for the time: an authority by RFC 3161, or only this installation's own key."""

    TIMESTAMP = "timestamp"
    OWN_KEY = "own_key"


class AnchorColumns:
    """The end of the chain at one moment, as `statement` words it, signed by `signer`.

    `signature` is a timestamp token (DER) over the statement's SHA-256, or an Ed25519 signature of the statement.
    """

    id: Mapped[BigKey]
    number: Mapped[int]
    hash: Mapped[bytes] = mapped_column(LargeBinary)
    method: Mapped[AnchorMethod] = mapped_column(String(16))
    signer: Mapped[str] = mapped_column(String(300))
    statement: Mapped[str] = mapped_column(Text)
    signature: Mapped[bytes] = mapped_column(LargeBinary)
    signed_at: Mapped[datetime]


class AuditAnchor(AnchorColumns, TenantBase):
    """The tenant's own copy of an anchor: it goes along when the tenant moves."""

    __tablename__ = "audit_anchor"
    __table_args__ = (UniqueConstraint("number", "method"), {"info": {"append_only": True}})


class RegistryAnchor(AnchorColumns, RegistryBase):
    """The registry's copy, by which a chain that was written anew in the tenant's schema is found."""

    __tablename__ = "audit_anchor"

    tenant_id: Mapped[str] = mapped_column(String(16))

    @declared_attr.directive
    def __table_args__(cls) -> tuple[UniqueConstraint, ...]:  # noqa: N805
        return (UniqueConstraint("tenant_id", "number", "method"),)


REGISTRY_RULES = (
    f"CREATE FUNCTION {REGISTRY_SCHEMA}.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\n"
    "BEGIN\n"
    "  RAISE EXCEPTION 'anchors are append-only' USING ERRCODE = 'integrity_constraint_violation';\n"
    "END $$",
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {REGISTRY_SCHEMA}.audit_anchor "
    f"FOR EACH STATEMENT EXECUTE FUNCTION {REGISTRY_SCHEMA}.refuse_change()",
)
for _rule in REGISTRY_RULES:
    event.listen(RegistryAnchor.__table__, "after_create", DDL(_rule))  # type: ignore[no-untyped-call]


class AuditCheck(Created, TenantBase):
    """A check of the chain that ended: from which to which number, and the first thing that was wrong."""

    __tablename__ = "audit_check"
    __table_args__ = ({"info": {"append_only": True}},)

    id: Mapped[BigKey]
    from_number: Mapped[int]
    to_number: Mapped[int]
    problem: Mapped[str] = mapped_column(String(16), default="")
    problem_number: Mapped[int] = mapped_column(default=0)
