"""A loan product: what it allows, and how its loans are computed."""

from decimal import Decimal

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, Rate, TenantBase, Yuan


class Product(Created, TenantBase):
    """Method, day count and rounding of a kind of loan, with the bounds within which it is granted."""

    __tablename__ = "loan_product"
    __table_args__ = (
        CheckConstraint("min_amount > 0 AND min_amount <= max_amount"),
        CheckConstraint("min_periods >= 1 AND min_periods <= max_periods"),
        CheckConstraint("max_annual_rate > 0 AND max_annual_rate <= 1"),
        {"info": {"reports": True}},
    )

    id: Mapped[BigKey]
    code: Mapped[str] = mapped_column(String(16), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    method: Mapped[str] = mapped_column(String(24))
    day_count: Mapped[str] = mapped_column(String(16))
    interest_unit: Mapped[str] = mapped_column(String(16))
    rounding_mode: Mapped[str] = mapped_column(String(16))
    rounding_places: Mapped[int] = mapped_column(default=2)
    holiday_rule: Mapped[str] = mapped_column(String(16))
    min_amount: Mapped[Yuan]
    max_amount: Mapped[Yuan]
    min_periods: Mapped[int]
    max_periods: Mapped[int]
    max_annual_rate: Mapped[Rate] = mapped_column(default=Decimal("0.24"))
    grace_days: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
