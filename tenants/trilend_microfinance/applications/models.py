"""An application for a loan."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import BigKey, Created, Rate, TenantBase, Yuan
from trilend.parties.models import OfCustomer, Party
from trilend_microfinance.products.models import Product


class ApplicationState(StrEnum):
    """Submitted, decided, and once approved: under contract."""

    SUBMITTED = "submitted"
    APPROVED = "approved"
    REFUSED = "refused"
    CONTRACTED = "contracted"


class Application(OfCustomer, Created, TenantBase):
    """What somebody asks for, who entered it and who decided; `block_rule` names a limit that stands in its way."""

    scoped_as = "loan_application"
    __tablename__ = "loan_application"
    __table_args__ = (
        CheckConstraint("amount > 0"),
        CheckConstraint("periods >= 1"),
        CheckConstraint("decided_by IS NULL OR created_by IS NULL OR decided_by <> created_by"),
        Index("loan_application_state", "state", "id"),
        Index("loan_application_applied", "applied_on", "id"),
        {
            "info": {
                "ddl": ("CREATE SEQUENCE loan_application_number",),
                "sequences": ("loan_application_number",),
                "reports": True,
            }
        },
    )

    id: Mapped[BigKey]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    party_id: Mapped[int] = mapped_column(ForeignKey("party.id"), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("loan_product.id"))
    amount: Mapped[Yuan]
    periods: Mapped[int]
    annual_rate: Mapped[Rate]
    purpose: Mapped[str] = mapped_column(String(200))
    applied_on: Mapped[date]
    state: Mapped[ApplicationState] = mapped_column(String(16), default=ApplicationState.SUBMITTED)
    created_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    decided_by: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str] = mapped_column(String(500), default="")
    block_rule: Mapped[str] = mapped_column(String(64), default="")
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    party: Mapped[Party] = relationship(lazy="raise")
    product: Mapped[Product] = relationship(lazy="raise")
