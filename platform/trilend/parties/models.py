"""A party is a person or an organization; identifiers are sealed and found by blind index."""

from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Index, String, select
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase
from trilend.organization.scope import Owned, Scoped
from trilend.organization.sight import Sight
from trilend.storage.sealed import SealedText


class PartyKind(StrEnum):
    """A natural person (resident id) or an organization (unified social credit code)."""

    PERSON = "person"
    ORGANIZATION = "organization"


class Party(Owned, Created, TenantBase):
    """A customer, surety, payee or other counterpart, and who looks after it."""

    scoped_as = "party"
    hand_over_act = "party.handed_over"
    __tablename__ = "party"
    __table_args__ = (
        Index("party_name", "name"),
        Index("party_order", "name_order", "id"),
        Index("party_account", "account_index"),
        Index("party_owner", "owner_id", "id"),
        Index("party_department", "department_id", "id"),
        {"info": {"reports": True}},
    )

    id: Mapped[BigKey]
    kind: Mapped[PartyKind] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    name_order: Mapped[str] = mapped_column(String(200), default="", server_default="", info={"audited": False})
    """What names are sorted by, see `search.words.order_of_name`."""
    identifier: Mapped[str] = mapped_column(SealedText)
    identifier_index: Mapped[str] = mapped_column(String(64), unique=True, info={"audited": False})
    identifier_doubtful: Mapped[bool] = mapped_column(default=False)
    """Whether the identifier came in by a file although its check digit is wrong; to be held against the document."""
    mobile: Mapped[str] = mapped_column(SealedText)
    legal_representative: Mapped[str] = mapped_column(String(100), default="")
    account_number: Mapped[str] = mapped_column(SealedText)
    account_index: Mapped[str] = mapped_column(String(64), info={"audited": False})
    account_bank: Mapped[str] = mapped_column(String(100), default="")


class OfCustomer(Scoped):
    """Mixin of models with a `party_id`: seen by those who see the customer, whoever entered them.

    The customer's row alone says who looks after it, so that nothing has to be kept equal to it.
    """

    @classmethod
    def visible_to(cls, row: Any, sight: Sight) -> ColumnElement[bool]:
        """By the owner or department of the customer."""
        customer = Party.__table__.alias()
        return row.party_id.in_(  # type: ignore[no-any-return]
            select(customer.c.id).where(Party.visible_to(customer.c, sight))
        )
