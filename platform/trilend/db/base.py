"""Declarative bases: one for the registry, one for what lives in every tenant's schema."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from flask_appbuilder import Model as AppBuilderModel
from sqlalchemy import BigInteger, DateTime, Identity, MetaData, Numeric, func
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

REGISTRY_SCHEMA = "trilend"

BigKey = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Yuan = Annotated[Decimal, mapped_column(Numeric(18, 2))]
Rate = Annotated[Decimal, mapped_column(Numeric(12, 8))]


class RegistryBase(DeclarativeBase):
    """Tables of the registry, in schema `trilend`."""

    metadata = MetaData(schema=REGISTRY_SCHEMA)
    type_annotation_map = {datetime: DateTime(timezone=True), int: BigInteger}


class TenantBase(DeclarativeBase):
    """Tables of every tenant's own schema; they share FAB's metadata so that they can point to its users.

    `__table_args__` may carry `info={"append_only": True}`: the tenant's role then gets no UPDATE and no DELETE. With
    `"insertable"` it fills only these columns of a new row, with `"read_only"` it writes nothing; `"ddl"` are further rules.
    """

    metadata = AppBuilderModel.metadata
    type_annotation_map = {datetime: DateTime(timezone=True), int: BigInteger}


class Created:
    """Mixin: when a row was entered (an instant in UTC)."""

    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())


def now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)
