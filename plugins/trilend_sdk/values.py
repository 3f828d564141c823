"""Values that several topics share: money, rates, dates in pages, documents by reference, consent."""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field

from trilend_sdk.payload import Payload


def _no_float(value: Any) -> Any:
    if isinstance(value, float):
        raise ValueError("money and rates are decimals or text, never floats")
    return value


Money = Annotated[Decimal, BeforeValidator(_no_float), Field(max_digits=18, decimal_places=2)]
Amount = Annotated[Decimal, BeforeValidator(_no_float), Field(gt=0, max_digits=18, decimal_places=2)]
Rate = Annotated[Decimal, BeforeValidator(_no_float), Field(ge=0, le=10, max_digits=12, decimal_places=8)]
Share = Annotated[Decimal, BeforeValidator(_no_float), Field(ge=0, le=1, max_digits=9, decimal_places=8)]
Confidence = Annotated[float, Field(ge=0, le=1)]


class PageQuery(Payload):
    """Ask for what comes after `cursor` (an earlier page's, or empty for the beginning), at most `limit`."""

    cursor: str = ""
    limit: int = Field(default=200, ge=1, le=1000)


class Page(Payload):
    """The end of a page: pass `cursor` to go on; `more` says that further entries wait already."""

    cursor: str = ""
    more: bool = False


class Consent(Payload):
    """A consent on the tenant's file: whose, for what purpose, to which recipient, for which data, until when."""

    reference: str = Field(min_length=1, max_length=64)
    purpose: str = Field(min_length=1, max_length=64)
    recipient: str = Field(min_length=1, max_length=120)
    scope: tuple[str, ...] = Field(min_length=1)
    given_at: AwareDatetime
    valid_until: date | None = None


class DocumentRef(Payload):
    """A document by reference: `context.documents.read` gives its content, for the purpose and consent named here."""

    reference: str = Field(min_length=1, max_length=64)
    kind: str = Field(min_length=1, max_length=64)
    file_name: str = Field(min_length=1, max_length=200)
    media_type: str = Field(min_length=1, max_length=100)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=0)
    purpose: str = Field(min_length=1, max_length=64)
    consent: str = Field(default="", max_length=64)


class RepaymentMethod(StrEnum):
    """How a loan is repaid."""

    ANNUITY = "annuity"
    EQUAL_PRINCIPAL = "equal_principal"
    INTEREST_ONLY = "interest_only"
    BULLET = "bullet"
    FLAT = "flat"
    CUSTOM = "custom"
