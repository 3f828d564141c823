"""Topic `bureau/1`: credit reports under consent, and the monthly reporting file."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import Kind, hookspec
from trilend_sdk.payload import (
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

API = "bureau/1"


class QueryPurpose(StrEnum):
    """Why a report is asked for; must be what the consent agreed to."""

    LOAN_APPROVAL = "loan_approval"
    GUARANTEE_APPROVAL = "guarantee_approval"
    POST_LOAN = "post_loan"
    GUARANTOR_CHECK = "guarantor_check"
    REPRESENTATIVE_CHECK = "representative_check"
    OBJECTION = "objection"


class ReportScope(StrEnum):
    """A part of a report; nothing beyond the agreed scope is asked for."""

    IDENTITY = "identity"
    LOANS = "loans"
    GUARANTEES = "guarantees"
    QUERIES = "queries"
    PUBLIC_RECORDS = "public_records"
    SCORE = "score"


class BureauQuery(Effect):
    """What each query carries: purpose, scope, the consent it rests on, and who asks (staff reference)."""

    purpose: QueryPurpose
    scope: tuple[ReportScope, ...] = Field(min_length=1)
    consent: Consent
    operator: str = Field(min_length=1, max_length=64)
    file_number: str = Field(default="", max_length=64)


class PersonQuery(BureauQuery):
    """Ask for a person's report."""

    name: PersonName
    resident_id: ResidentId
    mobile: Mobile | None = None


class EnterpriseQuery(BureauQuery):
    """Ask for a company's report."""

    name: str = Field(min_length=1, max_length=120)
    uscc: Uscc


class ReportStatus(StrEnum):
    """Where a query stands; `no_record` is an answer: the bureau knows nothing of the subject."""

    READY = "ready"
    PENDING = "pending"
    NO_RECORD = "no_record"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class CreditAccount(Payload):
    """A loan or guarantee in a report; amounts in yuan, days past due by calendar."""

    institution: str
    kind: str
    opened_on: date
    closed_on: date | None = None
    limit: Money
    balance: Money
    overdue: Money
    days_past_due: int = Field(default=0, ge=0)
    worst_days_past_due: int = Field(default=0, ge=0)
    tier: str = ""


class InquiryRecord(Payload):
    """An earlier query of somebody."""

    on: date
    institution: str
    purpose: str


class PublicRecord(Payload):
    """A court, tax or administrative record."""

    on: date
    kind: str
    text: str
    amount: Money | None = None


class CreditReport(EffectResult):
    """A report: `raw` is the bureau's own, signature checked and decrypted; the rest is read from it.

    `facts` are figures of the bureau that have no field here, by its own names.
    """

    status: ReportStatus
    report_number: str = ""
    issued_at: AwareDatetime | None = None
    score: int | None = None
    accounts: tuple[CreditAccount, ...] = ()
    inquiries: tuple[InquiryRecord, ...] = ()
    public_records: tuple[PublicRecord, ...] = ()
    facts: dict[str, str] = Field(default_factory=dict)
    raw: bytes = b""
    raw_media_type: str = ""


class ReportingItem(Payload):
    """One account's state at the end of a month; amounts in yuan. Subject: a person's or a company's identifiers."""

    item_id: str = Field(min_length=1, max_length=64)
    account_number: str = Field(min_length=1, max_length=64)
    kind: str
    subject_name: PersonName
    resident_id: ResidentId | None = None
    uscc: Uscc | None = None
    opened_on: date
    matures_on: date
    closed_on: date | None = None
    amount: Money
    balance: Money
    overdue: Money
    days_past_due: int = Field(ge=0)
    tier: str
    due_this_month: Money
    paid_this_month: Money
    correction: bool = False


class MonthlyReport(Effect):
    """The monthly reporting file: the month by its last day, and every account that is to be told."""

    month_end: date
    institution_code: str = Field(min_length=1, max_length=32)
    items: tuple[ReportingItem, ...] = Field(max_length=100_000)


class ReportingStatus(StrEnum):
    """Where a reporting file stands."""

    ACCEPTED = "accepted"
    CHECKED = "checked"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class ReportingReject(Payload):
    """An item that the bureau did not take, and why; it is corrected and told again."""

    item_id: str
    code: str
    reason: str
    field: str = ""


class ReportingResult(EffectResult):
    """The bureau's word on a reporting file; counts and rejects once it is checked."""

    status: ReportingStatus
    accepted: int = Field(default=0, ge=0)
    rejects: tuple[ReportingReject, ...] = ()
    file_name: str = ""
    file: bytes = b""


class BureauEvent(CallbackEvent):
    """What the bureau told by itself."""

    report: CreditReport | None = None
    reporting: ReportingResult | None = None


class BureauCallback(Payload):
    """The events of a call-back whose signature is right, and the answer that the bureau waits for."""

    events: tuple[BureauEvent, ...] = ()
    answer: CallbackAnswer = CallbackAnswer()


class BureauHooks:
    """Hooks of topic `bureau/1`."""

    @hookspec(deadline=15.0)
    def bureau_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without asking about anybody."""
        raise TypeError

    @hookspec(effect="bureau_query_status", deadline=60.0)
    def bureau_query_person(self, context: PluginContext, query: PersonQuery) -> CreditReport:
        """Ask for a person's report under consent; each key leaves one trace at the bureau."""
        raise TypeError

    @hookspec(effect="bureau_query_status", deadline=60.0)
    def bureau_query_enterprise(self, context: PluginContext, query: EnterpriseQuery) -> CreditReport:
        """Ask for a company's report under consent; each key leaves one trace at the bureau."""
        raise TypeError

    @hookspec(deadline=60.0)
    def bureau_query_status(self, context: PluginContext, query: EffectQuery) -> CreditReport:
        """Read the report of an earlier query again, or learn that it never arrived; leaves no new trace."""
        raise TypeError

    @hookspec(effect="bureau_report_status", optional=True, deadline=300.0)
    def bureau_report(self, context: PluginContext, report: MonthlyReport) -> ReportingResult:
        """Hand in the monthly reporting file."""
        raise TypeError

    @hookspec(optional=True, deadline=60.0)
    def bureau_report_status(self, context: PluginContext, query: EffectQuery) -> ReportingResult:
        """Tell what the bureau accepted and rejected of a reporting file."""
        raise TypeError

    @hookspec(kind=Kind.CALLBACK, optional=True)
    def bureau_callback(self, context: PluginContext, request: CallbackRequest) -> BureauCallback:
        """Check a call-back's signature and tell what it says; raises `CallbackRefused`."""
        raise TypeError


SPECIFICATION = BureauHooks
