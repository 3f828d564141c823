"""What the registry stores about tenants and about those who operate the platform."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, SmallInteger, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import REGISTRY_SCHEMA, BigKey, Created, RegistryBase


class TenantState(StrEnum):
    """A tenant's life: being made, on trial, verified by an operator, suspended, closed."""

    PROVISIONING = "provisioning"
    TRIAL = "trial"
    VERIFIED = "verified"
    SUSPENDED = "suspended"
    CLOSED = "closed"


class Door(StrEnum):
    """Who may enter a tenant's space: everybody to work, everybody to read, nobody."""

    OPEN = "open"
    READ_ONLY = "read_only"
    SHUT = "shut"


class Tenant(Created, RegistryBase):
    """One company; `id` is opaque and names schema and role (`t_<id>`), `slug` is its subdomain, `look` what that looks like.

    `shard` and `cell` say on which server and behind which login the schema lies; `revision` how far it is migrated.
    `door` is what passing work such as a move leaves open, `door_reason` a code that tells which, `door_until` for how
    long if that is known; `suspension` is what an operator has left open of a suspended tenant. `tenancy.door` draws
    the sum. `host` is the domain of its own that the tenant chose for its links, empty for `<slug>.` below the
    platform's.
    `copy_of` names the tenant of which this one is an earlier state, brought back to be looked at; only the living and
    the originals need a credit code of their own.
    `wrapped_key` repeats the first data key for processes of the release before `data_key` was there.
    """

    __tablename__ = "tenant"
    __table_args__ = (
        UniqueConstraint("slug"),
        UniqueConstraint("look"),
        Index("tenant_uscc_key", "uscc", unique=True, postgresql_where=text("copy_of IS NULL AND state <> 'closed'")),
        # Where tenants that take part in migrations are; the few places are found without reading all tenants.
        Index(
            "tenant_place",
            "kind",
            "revision",
            text("(fault <> '')"),
            postgresql_where=text("state NOT IN ('provisioning', 'closed')"),
        ),
        Index("tenant_created_at", "created_at"),
        Index("tenant_state_created_at", "state", "created_at"),
    )

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    slug: Mapped[str] = mapped_column(String(63))
    look: Mapped[str] = mapped_column(String(63))
    kind: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(200))
    uscc: Mapped[str] = mapped_column(String(18))
    state: Mapped[TenantState] = mapped_column(String(16), default=TenantState.PROVISIONING)
    revision: Mapped[str] = mapped_column(String(64), default="")
    shard: Mapped[str] = mapped_column(String(32), default="primary")
    cell: Mapped[int] = mapped_column(SmallInteger, default=0)
    door: Mapped[Door] = mapped_column(String(16), default=Door.OPEN, server_default=Door.OPEN)
    door_reason: Mapped[str] = mapped_column(String(32), default="", server_default="")
    door_until: Mapped[datetime | None]
    suspension: Mapped[Door] = mapped_column(String(16), default=Door.OPEN, server_default=Door.OPEN)
    fault: Mapped[str] = mapped_column(String(500), default="", server_default="")
    plan: Mapped[str] = mapped_column(String(32), default="trial")
    copy_of: Mapped[str | None] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(253), default="", server_default="")
    verified_at: Mapped[datetime | None]
    wrapped_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    ready_at: Mapped[datetime | None]
    data_keys: Mapped[list["DataKey"]] = relationship(order_by="DataKey.number", passive_deletes=True)

    @property
    def schema(self) -> str:
        """Name of the tenant's schema and of its role."""
        return f"t_{self.id}"


class DataKey(Created, RegistryBase):
    """One of a tenant's data keys, wrapped by the master key; since `retired_at` nothing new is sealed with it.

    They count from 1; number 0, if it is there, is the key of the blind index, which no rotation changes.
    """

    __tablename__ = "data_key"

    tenant_id: Mapped[str] = mapped_column(
        String(16), ForeignKey(f"{REGISTRY_SCHEMA}.tenant.id", ondelete="CASCADE"), primary_key=True
    )
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    retired_at: Mapped[datetime | None]


class Spare(Created, RegistryBase):
    """A schema that is ready before anybody asked for it; a sign-up claims it in one statement.

    `blueprint` is the digest of what it was made from; `revision` is empty until it is ready, and when nobody may have
    it any more.
    """

    __tablename__ = "spare"
    __table_args__ = (Index("spare_place", "kind", "revision", text("(fault <> '')")),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    revision: Mapped[str] = mapped_column(String(64))
    blueprint: Mapped[str] = mapped_column(String(16), default="", server_default="")
    shard: Mapped[str] = mapped_column(String(32))
    cell: Mapped[int] = mapped_column(SmallInteger)
    fault: Mapped[str] = mapped_column(String(500), default="", server_default="")


class Operator(Created, RegistryBase):
    """A person of the operating company who may enter the console."""

    __tablename__ = "operator"

    id: Mapped[BigKey]
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    password_hash: Mapped[str] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
