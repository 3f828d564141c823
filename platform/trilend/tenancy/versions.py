"""The rows that say which steps of migration a schema has taken."""

from datetime import datetime

from sqlalchemy import DateTime, ForeignKeyConstraint, String, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import REGISTRY_SCHEMA, RegistryBase, TenantBase


class VersionColumns:
    """One step taken; `previous` chains it, so that none is taken twice, left out or taken out of order."""

    branch: Mapped[str] = mapped_column(String(32), primary_key=True)
    revision: Mapped[str] = mapped_column(String(64), primary_key=True)
    previous: Mapped[str | None] = mapped_column(String(64))
    applied_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


class SchemaVersion(VersionColumns, TenantBase):
    """A step that a tenant's schema has taken; written by the owner only."""

    __tablename__ = "schema_version"
    __table_args__ = (
        UniqueConstraint("branch", "previous", name="schema_version_one_successor"),
        ForeignKeyConstraint(
            ["branch", "previous"], ["schema_version.branch", "schema_version.revision"], name="schema_version_in_order"
        ),
        {"info": {"read_only": True}},
    )


class RegistryVersion(VersionColumns, RegistryBase):
    """A step that the registry has taken."""

    __tablename__ = "schema_version"
    __table_args__ = (
        UniqueConstraint("branch", "previous", name="schema_version_one_successor"),
        ForeignKeyConstraint(
            ["branch", "previous"],
            [f"{REGISTRY_SCHEMA}.schema_version.branch", f"{REGISTRY_SCHEMA}.schema_version.revision"],
            name="schema_version_in_order",
        ),
    )
