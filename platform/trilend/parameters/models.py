"""A dated parameter, and the one row that holds the business date."""

from datetime import date
from decimal import Decimal

from sqlalchemy import CheckConstraint, Index, Numeric, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase


class Parameter(Created, TenantBase):
    """One figure in one stretch of time; `verified` says that it was checked against the official text."""

    __tablename__ = "parameter"
    __table_args__ = (Index("parameter_name_from", "name", "effective_from", unique=True), {"info": {"reports": True}})

    id: Mapped[BigKey]
    name: Mapped[str] = mapped_column(String(64))
    value: Mapped[Decimal] = mapped_column(Numeric(24, 8))
    unit: Mapped[str] = mapped_column(String(16))
    effective_from: Mapped[date]
    effective_to: Mapped[date | None]
    jurisdiction: Mapped[str] = mapped_column(String(32), default="CN")
    legal_basis: Mapped[str] = mapped_column(String(300), default="")
    verified: Mapped[bool] = mapped_column(default=False)


class BusinessDay(TenantBase):
    """The tenant's business date: a date of its own, moved only by the end of day."""

    __tablename__ = "business_day"
    __table_args__ = (CheckConstraint("id = 1"), {"info": {"reports": True}})

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    business_date: Mapped[date]
    closed_days: Mapped[int] = mapped_column(default=0)
