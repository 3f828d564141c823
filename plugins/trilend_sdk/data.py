"""Topic `data/1`: risk data of third parties, asked for under consent."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import Kind, hookspec
from trilend_sdk.payload import (
    AccountNumber,
    CallbackAnswer,
    CallbackEvent,
    CallbackRequest,
    CheckResult,
    Effect,
    EffectQuery,
    EffectResult,
    Mobile,
    Payload,
    PersonName,
    ResidentId,
    Uscc,
)
from trilend_sdk.values import Consent, Money

API = "data/1"


class SubjectField(StrEnum):
    """A field of a subject that a product needs."""

    NAME = "name"
    RESIDENT_ID = "resident_id"
    MOBILE = "mobile"
    BANK_ACCOUNT = "bank_account"
    ORGANIZATION = "organization"
    USCC = "uscc"


class DataProduct(Payload):
    """A product of the provider: what it needs, what it tells, what a query costs in yuan."""

    code: str = Field(min_length=1, max_length=64)
    name: str
    needs: tuple[SubjectField, ...] = Field(min_length=1)
    facts: tuple[str, ...] = ()
    scored: bool = False
    lowest_score: int | None = None
    highest_score: int | None = None
    price: Money | None = None
    scope: tuple[str, ...] = ()


class DataProductQuery(Payload):
    """Ask for the products that this connection may use."""


class DataProductList(Payload):
    """The provider's products at this instant."""

    products: tuple[DataProduct, ...]


class DataSubject(Payload):
    """Whom a query is about: only the fields that the product needs are set."""

    name: PersonName | None = None
    resident_id: ResidentId | None = None
    mobile: Mobile | None = None
    bank_account: AccountNumber | None = None
    organization: str | None = None
    uscc: Uscc | None = None


class DataQuery(Effect):
    """A query of one product about one subject, under a consent that covers purpose, recipient and scope."""

    product: str = Field(min_length=1, max_length=64)
    subject: DataSubject
    consent: Consent
    purpose: str = Field(min_length=1, max_length=64)
    operator: str = Field(min_length=1, max_length=64)


class DataStatus(StrEnum):
    """Where a query stands; `no_record` is an answer."""

    READY = "ready"
    PENDING = "pending"
    NO_RECORD = "no_record"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class DataFact(Payload):
    """One thing that the provider tells, by the product's own name, as text (numbers and dates in ISO form)."""

    name: str
    value: str
    label: str = ""


class DataAnswer(EffectResult):
    """What the provider tells; `billed` says whether the query costs, `raw` is its own answer."""

    status: DataStatus
    score: int | None = None
    facts: tuple[DataFact, ...] = ()
    reasons: tuple[str, ...] = ()
    billed: bool | None = None
    answered_at: AwareDatetime | None = None
    raw: bytes = b""


class DataEvent(CallbackEvent):
    """What the provider told by itself."""

    result: DataAnswer | None = None


class DataCallback(Payload):
    """The events of a call-back whose signature is right, and the answer that the provider waits for."""

    events: tuple[DataEvent, ...] = ()
    answer: CallbackAnswer = CallbackAnswer()


class DataHooks:
    """Hooks of topic `data/1`."""

    @hookspec(deadline=15.0)
    def data_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without asking about anybody."""
        raise TypeError

    @hookspec()
    def data_products(self, context: PluginContext, query: DataProductQuery) -> DataProductList:
        """Read the products that this connection may use."""
        raise TypeError

    @hookspec(effect="data_query_status", deadline=60.0)
    def data_query(self, context: PluginContext, query: DataQuery) -> DataAnswer:
        """Ask one product about one subject; each key is answered and billed once."""
        raise TypeError

    @hookspec(deadline=60.0)
    def data_query_status(self, context: PluginContext, query: EffectQuery) -> DataAnswer:
        """Read the answer of an earlier query again, or learn that it never arrived; costs nothing."""
        raise TypeError

    @hookspec(kind=Kind.CALLBACK, optional=True)
    def data_callback(self, context: PluginContext, request: CallbackRequest) -> DataCallback:
        """Check a call-back's signature and tell what it says; raises `CallbackRefused`."""
        raise TypeError


SPECIFICATION = DataHooks
