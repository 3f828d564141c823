"""Topic `lender/1`: files handed to a licensed lender, what became of them, and information on joint loans."""

from datetime import date
from enum import StrEnum

from pydantic import AwareDatetime, Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import Kind, hookspec
from trilend_sdk.payload import (
    Address,
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
from trilend_sdk.values import Amount, Consent, DocumentRef, Money, RepaymentMethod, Share
from trilend_sdk.values import Rate as AnnualRate

API = "lender/1"


class BorrowerKind(StrEnum):
    """Who borrows."""

    PERSON = "person"
    ORGANIZATION = "organization"


class LenderProduct(Payload):
    """A loan product of the lender; rates are annual fractions, terms in months."""

    code: str = Field(min_length=1, max_length=64)
    name: str
    borrower_kinds: tuple[BorrowerKind, ...] = Field(min_length=1)
    minimum_amount: Amount
    maximum_amount: Amount
    minimum_months: int = Field(ge=1)
    maximum_months: int = Field(ge=1)
    lowest_rate: AnnualRate
    highest_rate: AnnualRate
    repayment_methods: tuple[RepaymentMethod, ...] = Field(min_length=1)
    regions: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    open: bool = True


class ProductQuery(Payload):
    """Ask for all products; `changed_since` narrows to those changed since."""

    changed_since: AwareDatetime | None = None


class ProductList(Payload):
    """The lender's products at this instant."""

    products: tuple[LenderProduct, ...]


class Person(Payload):
    """A natural person in a file; income in yuan a month."""

    name: PersonName
    resident_id: ResidentId
    mobile: Mobile
    address: Address = ""
    occupation: str = ""
    monthly_income: Money | None = None


class Organization(Payload):
    """A company in a file, with its legal representative; turnover in yuan a year."""

    name: str = Field(min_length=1, max_length=120)
    uscc: Uscc
    representative: Person
    industry: str = ""
    address: Address = ""
    annual_turnover: Money | None = None
    established_on: date | None = None


class RelatedRole(StrEnum):
    """In what role a further party stands in a file."""

    SPOUSE = "spouse"
    CO_BORROWER = "co_borrower"
    GUARANTOR = "guarantor"
    PLEDGOR = "pledgor"
    CONTACT = "contact"


class RelatedPerson(Payload):
    """A further person of a file; each needs a consent of their own."""

    role: RelatedRole
    person: Person
    consent: Consent


class Collateral(Payload):
    """A thing given as security; values in yuan."""

    kind: str
    description: str
    appraised_value: Money
    owner: PersonName
    registration: str = ""


class Submission(Effect):
    """A file for a lender: who borrows, what is asked for, on which consents, with which documents.

    `consents` name this lender as recipient. `all_in_rate` is the annual cost of everything the borrower pays,
    the broker's fee in `service_fee` (yuan) included.
    """

    product: str
    file_number: str = Field(min_length=1, max_length=64)
    person: Person | None = None
    organization: Organization | None = None
    amount: Amount
    months: int = Field(ge=1, le=480)
    repayment_method: RepaymentMethod
    use_of_funds: str = Field(min_length=1, max_length=200)
    consents: tuple[Consent, ...] = Field(min_length=1)
    documents: tuple[DocumentRef, ...] = ()
    related: tuple[RelatedPerson, ...] = ()
    collateral: tuple[Collateral, ...] = ()
    service_fee: Money | None = None
    all_in_rate: AnnualRate | None = None
    remark: str = ""


class SubmissionStatus(StrEnum):
    """Where a file stands: received, 初审, 复审, supplements asked for, approved (批复), funded (放款), refused, returned
    (退回, may be corrected and handed in anew), withdrawn (撤回)."""

    RECEIVED = "received"
    FIRST_REVIEW = "first_review"
    SECOND_REVIEW = "second_review"
    SUPPLEMENT_REQUESTED = "supplement_requested"
    APPROVED = "approved"
    FUNDED = "funded"
    REFUSED = "refused"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    NOT_FOUND = "not_found"


class SupplementRequest(Payload):
    """Something that the lender still wants, by `request_id`: a document of a kind, or an answer."""

    request_id: str = Field(min_length=1, max_length=64)
    kind: str
    sentence: str
    due_on: date | None = None


class SubmissionResult(EffectResult):
    """Where a file stands at the lender, since when, and what is asked for."""

    status: SubmissionStatus
    status_at: AwareDatetime | None = None
    supplements: tuple[SupplementRequest, ...] = ()


class Supplement(Effect):
    """Answers to what a lender asked for; `submission_key` is the file's idempotency key, `reference` the lender's."""

    submission_key: str
    reference: str
    request_ids: tuple[str, ...] = Field(min_length=1)
    documents: tuple[DocumentRef, ...] = ()
    consents: tuple[Consent, ...] = ()
    answer: str = ""


class HandInStatus(StrEnum):
    """Whether the lender has taken something in."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class SupplementResult(EffectResult):
    """Whether the lender has taken the supplement in."""

    status: HandInStatus


class LenderLoan(Payload):
    """A loan that the lender has paid out."""

    loan_number: str
    amount: Amount
    disbursed_on: date
    matures_on: date
    annual_rate: AnnualRate
    repayment_method: RepaymentMethod


class LenderDecision(EffectResult):
    """The lender's decision and what came of it; set as far as there is one."""

    status: SubmissionStatus
    approved_amount: Amount | None = None
    approved_months: int | None = None
    annual_rate: AnnualRate | None = None
    conditions: tuple[str, ...] = ()
    valid_until: date | None = None
    loans: tuple[LenderLoan, ...] = ()


class Withdrawal(Effect):
    """Take a file back; `submission_key` is its idempotency key, `reference` the lender's."""

    submission_key: str
    reference: str
    reason: str


class WithdrawalResult(EffectResult):
    """Whether the lender let the file be taken back; one that is funded cannot."""

    status: HandInStatus


class JointShare(Payload):
    """One lender's part in a joint loan; shares of all add up to 1."""

    lender: str
    share: Share
    amount: Amount


class JointLoanInformation(Effect):
    """What the asset side gives the funding side on a joint loan, so that it can judge for itself (domain law: 9号).

    Borrower, terms and documents are the originals; `score` and `reasons` explain our own decision and replace nobody's.
    """

    file_number: str = Field(min_length=1, max_length=64)
    person: Person | None = None
    organization: Organization | None = None
    amount: Amount
    months: int = Field(ge=1, le=480)
    annual_rate: AnnualRate
    all_in_rate: AnnualRate
    use_of_funds: str = Field(min_length=1, max_length=200)
    shares: tuple[JointShare, ...] = Field(min_length=2)
    enhancers: tuple[str, ...] = ()
    score: str = ""
    reasons: tuple[str, ...] = ()
    consents: tuple[Consent, ...] = Field(min_length=1)
    documents: tuple[DocumentRef, ...] = ()


class InformResult(EffectResult):
    """Whether the funding side has taken the information in."""

    status: HandInStatus


class LenderEvent(CallbackEvent):
    """What the lender told by itself."""

    submission: SubmissionResult | None = None
    decision: LenderDecision | None = None


class LenderCallback(Payload):
    """The events of a call-back whose signature is right, and the answer that the lender waits for."""

    events: tuple[LenderEvent, ...] = ()
    answer: CallbackAnswer = CallbackAnswer()


class LenderHooks:
    """Hooks of topic `lender/1`."""

    @hookspec(deadline=15.0)
    def lender_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without handing anything in."""
        raise TypeError

    @hookspec()
    def lender_products(self, context: PluginContext, query: ProductQuery) -> ProductList:
        """Read the lender's products."""
        raise TypeError

    @hookspec(effect="lender_status", deadline=120.0)
    def lender_submit(self, context: PluginContext, submission: Submission) -> SubmissionResult:
        """Hand in a file with its documents; a repeated idempotency key makes no second file."""
        raise TypeError

    @hookspec()
    def lender_status(self, context: PluginContext, query: EffectQuery) -> SubmissionResult:
        """Tell where a file stands, by the key of its submission."""
        raise TypeError

    @hookspec(effect="lender_supplement_status", deadline=120.0)
    def lender_supplement(self, context: PluginContext, supplement: Supplement) -> SupplementResult:
        """Hand in what the lender asked for."""
        raise TypeError

    @hookspec()
    def lender_supplement_status(self, context: PluginContext, query: EffectQuery) -> SupplementResult:
        """Tell whether a supplement arrived."""
        raise TypeError

    @hookspec()
    def lender_result(self, context: PluginContext, query: EffectQuery) -> LenderDecision:
        """Read the decision and the loans that came of a file, by the key of its submission."""
        raise TypeError

    @hookspec(effect="lender_withdraw_status")
    def lender_withdraw(self, context: PluginContext, withdrawal: Withdrawal) -> WithdrawalResult:
        """Take a file back before it is funded."""
        raise TypeError

    @hookspec()
    def lender_withdraw_status(self, context: PluginContext, query: EffectQuery) -> WithdrawalResult:
        """Tell whether a withdrawal arrived."""
        raise TypeError

    @hookspec(effect="lender_inform_status", optional=True, deadline=120.0)
    def lender_inform(self, context: PluginContext, information: JointLoanInformation) -> InformResult:
        """Push the information on a joint loan to the funding side."""
        raise TypeError

    @hookspec(optional=True)
    def lender_inform_status(self, context: PluginContext, query: EffectQuery) -> InformResult:
        """Tell whether the information on a joint loan arrived."""
        raise TypeError

    @hookspec(kind=Kind.CALLBACK, optional=True)
    def lender_callback(self, context: PluginContext, request: CallbackRequest) -> LenderCallback:
        """Check a call-back's signature and tell what it says; raises `CallbackRefused`."""
        raise TypeError


SPECIFICATION = LenderHooks
