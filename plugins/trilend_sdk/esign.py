"""Topic `esign/1`: seals and signatures on PDF documents, time stamps, and their verification."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

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
    Payload,
    PersonName,
)

API = "esign/1"
FieldName = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$", max_length=64)


class EnrolmentRequest(Payload):
    """The company that wants a signing identity: registered name and unified social credit code."""

    organization: str = Field(min_length=1)
    uscc: str


class Enrolment(Payload):
    """A new signing identity: what the host must keep as the connection's configuration and secrets."""

    config: Mapping[str, str]
    secrets: Mapping[str, str] = Field(repr=False)
    certificate_subject: str
    valid_until: AwareDatetime


class Placement(Payload):
    """Where the visible signature stands, in points from the lower left corner; page 0 is first, -1 last."""

    page: int = -1
    x: float
    y: float
    width: float = Field(gt=0)
    height: float = Field(gt=0)


class SealKind(StrEnum):
    """The visible shape: a round company seal, or a person's written name in a square."""

    COMPANY = "company"
    PERSONAL = "personal"


class SignatureLevel(StrEnum):
    """How long a signature can be proved (PAdES): plain, with time stamp, with revocation data, with archive stamp."""

    B_B = "B-B"
    B_T = "B-T"
    B_LT = "B-LT"
    B_LTA = "B-LTA"


class Signer(Payload):
    """Who signs: full name, a reference to the checked identity (never the bare identifier), and the kind of mark."""

    name: PersonName
    reference: str
    kind: SealKind
    seal_code: str = ""
    caption: str = ""


class FieldPlan(Payload):
    """An empty signature field to be made before anybody signs, so that signers may sign in any order."""

    field_name: str = FieldName
    placement: Placement


class PrepareRequest(Payload):
    """A PDF that is to have empty signature fields."""

    document: bytes
    fields: tuple[FieldPlan, ...] = Field(min_length=1)


class PreparedDocument(Payload):
    """The PDF with its empty fields."""

    document: bytes


class SignRequest(Effect):
    """A PDF to be signed in a new field at `placement`, or without one in the empty field of that name.

    `evidence` is bound into the signature (code sent to, address, time).
    """

    document: bytes
    field_name: str = FieldName
    signer: Signer
    placement: Placement | None
    reason: str
    evidence: Mapping[str, str] = Field(default_factory=dict)
    level: SignatureLevel = SignatureLevel.B_B


class SignStatus(StrEnum):
    """Where a signature stands; `pending` waits for the signer at the signature service."""

    SIGNED = "signed"
    PENDING = "pending"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class SignResult(EffectResult):
    """The PDF with one more signature, earlier ones still valid; `action_url` is where a pending signer signs."""

    status: SignStatus
    document: bytes = b""
    certificate_subject: str = ""
    certificate_serial: str = ""
    signed_at: AwareDatetime | None = None
    action_url: str = ""

    @model_validator(mode="after")
    def _signed_has_its_document(self) -> Self:
        if (self.status is SignStatus.SIGNED) != bool(self.document and self.signed_at):
            raise ValueError("document and signed_at are set when signed, and only then")
        return self


class SignBatch(Effect):
    """Documents to be signed together with one identity: each request has a key of its own."""

    requests: tuple[SignRequest, ...] = Field(min_length=1, max_length=100)


class BatchSignStatus(StrEnum):
    """Whether each of the documents has its end."""

    DONE = "done"
    PENDING = "pending"
    NOT_FOUND = "not_found"


class SignBatchResult(EffectResult):
    """One result for each request, in the same order; one that fails is refused alone."""

    status: BatchSignStatus
    results: tuple[SignResult, ...] = ()


class SealRequest(Payload):
    """A mark to be shown before it is used; sizes in points."""

    signer: Signer
    width: float = Field(gt=0)
    height: float = Field(gt=0)


class SealPicture(Payload):
    """The mark as a picture, the same drawing that a signature shows."""

    content: bytes
    media_type: str


class TimestampRequest(Payload):
    """A PDF that is to get a document time stamp (RFC 3161) of the connection's authority."""

    document: bytes
    field_name: str = FieldName


class TimestampedDocument(Payload):
    """The PDF with one more time stamp."""

    document: bytes
    stamped_at: AwareDatetime
    authority: str


class Revocation(StrEnum):
    """What is known of a certificate's revocation at the time of signing."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"
    NOT_CHECKED = "not_checked"


class SignatureVerdict(Payload):
    """What a verifier says about one signature in a document.

    `intact`: what it covers is unchanged; `valid`: made with the certificate's key; `trusted`: by a chain to a trusted
    authority, in force and not revoked then; `covers_document`: nothing that matters was changed afterwards.
    """

    field_name: str
    signer: str
    signed_at: AwareDatetime | None
    intact: bool
    valid: bool
    trusted: bool
    covers_document: bool
    problem: str = ""
    level: SignatureLevel | None = None
    timestamp_at: AwareDatetime | None = None
    timestamp_authority: str = ""
    certificate_issuer: str = ""
    certificate_serial: str = ""
    revocation: Revocation = Revocation.NOT_CHECKED


class VerificationReport(Payload):
    """All signatures of a document, in order; `ok` only if each is intact, valid and trusted and nothing was changed.

    `text` is the report as a lawyer reads it, in the locale of the call.
    """

    ok: bool
    signatures: tuple[SignatureVerdict, ...]
    text: str = ""


class VerifyRequest(Payload):
    """A PDF to be verified, as of an instant (empty: now)."""

    document: bytes
    as_of: AwareDatetime | None = None


class ESignEvent(CallbackEvent):
    """What the signature service told by itself."""

    signature: SignResult | None = None


class ESignCallback(Payload):
    """The events of a call-back whose signature is right, and the answer that the service waits for."""

    events: tuple[ESignEvent, ...] = ()
    answer: CallbackAnswer = CallbackAnswer()


class ESignHooks:
    """Hooks of topic `esign/1`."""

    @hookspec(deadline=15.0)
    def esign_check(self, context: PluginContext) -> CheckResult:
        """Test that the connection can sign, without signing anything."""
        raise TypeError

    @hookspec(optional=True, deadline=60.0)
    def esign_enrol(self, context: PluginContext, request: EnrolmentRequest) -> Enrolment:
        """Give the tenant's company a signing identity for trials; the host stores what comes back."""
        raise TypeError

    @hookspec(optional=True, deadline=60.0)
    def esign_prepare(self, context: PluginContext, request: PrepareRequest) -> PreparedDocument:
        """Put empty signature fields on a PDF, for signers in parallel."""
        raise TypeError

    @hookspec(effect="esign_sign_status", deadline=60.0)
    def esign_sign(self, context: PluginContext, request: SignRequest) -> SignResult:
        """Put one visible signature or seal on a PDF."""
        raise TypeError

    @hookspec(deadline=60.0)
    def esign_sign_status(self, context: PluginContext, query: EffectQuery) -> SignResult:
        """Tell what became of a signature; one made on this machine and lost is `not_found`: it exists nowhere."""
        raise TypeError

    @hookspec(effect="esign_sign_batch_status", optional=True, deadline=300.0)
    def esign_sign_batch(self, context: PluginContext, batch: SignBatch) -> SignBatchResult:
        """Sign many documents with one identity."""
        raise TypeError

    @hookspec(optional=True, deadline=60.0)
    def esign_sign_batch_status(self, context: PluginContext, query: EffectQuery) -> SignBatchResult:
        """Tell what became of a batch of signatures."""
        raise TypeError

    @hookspec(optional=True)
    def esign_seal(self, context: PluginContext, request: SealRequest) -> SealPicture:
        """Draw a seal or a written name as signatures will show it."""
        raise TypeError

    @hookspec(optional=True, deadline=60.0)
    def esign_timestamp(self, context: PluginContext, request: TimestampRequest) -> TimestampedDocument:
        """Add a document time stamp; signatures stay valid."""
        raise TypeError

    @hookspec(deadline=60.0)
    def esign_verify(self, context: PluginContext, request: VerifyRequest) -> VerificationReport:
        """Verify every signature of a PDF; a damaged PDF gives a report, not an error."""
        raise TypeError

    @hookspec(kind=Kind.CALLBACK, optional=True)
    def esign_callback(self, context: PluginContext, request: CallbackRequest) -> ESignCallback:
        """Check a call-back's signature and tell what it says; raises `CallbackRefused`."""
        raise TypeError


SPECIFICATION = ESignHooks
