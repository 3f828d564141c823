"""A party is a person or an organization; identifiers are sealed and found by blind index."""

from enum import StrEnum

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase
from trilend.storage.sealed import SealedText


class PartyKind(StrEnum):
    """A natural person (resident id) or an organization (unified social credit code)."""

    PERSON = "person"
    ORGANIZATION = "organization"


class Party(Created, TenantBase):
    """A customer, surety, payee or other counterpart."""

    __tablename__ = "party"
    __table_args__ = (
        Index("party_name", "name"),
        Index("party_order", "name_order", "id"),
        Index("party_account", "account_index"),
        {"info": {"reports": True}},
    )

    id: Mapped[BigKey]
    kind: Mapped[PartyKind] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    name_order: Mapped[str] = mapped_column(String(200), default="", server_default="")
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
