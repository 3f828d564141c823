"""Topic `esign/1`: seals and signatures on PDF documents, and their verification."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from pydantic import Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import hookspec
from trilend_sdk.payload import CheckResult, Payload


class EnrolmentRequest(Payload):
    """The company that wants a signing identity: registered name and unified social credit code."""

    organization: str = Field(min_length=1)
    uscc: str


class Enrolment(Payload):
    """A new signing identity: what the host must keep as the connection's configuration and secrets."""

    config: Mapping[str, str]
    secrets: Mapping[str, str]
    certificate_subject: str
    valid_until: datetime


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


class Signer(Payload):
    """Who signs: full name, a reference to the checked identity (never the bare identifier), and the kind of mark."""

    name: str = Field(min_length=1)
    reference: str
    kind: SealKind
    seal_code: str = ""
    caption: str = ""


class SignRequest(Payload):
    """A PDF to be signed in a new field; `evidence` is bound into the signature (code sent to, address, time)."""

    document: bytes
    field_name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    signer: Signer
    placement: Placement
    reason: str
    evidence: Mapping[str, str] = Field(default_factory=dict)


class SignedDocument(Payload):
    """The PDF with one more signature; earlier ones stay valid."""

    document: bytes
    certificate_subject: str
    certificate_serial: str
    signed_at: datetime


class SignatureVerdict(Payload):
    """What a verifier says about one signature in a document."""

    field_name: str
    signer: str
    signed_at: datetime | None
    intact: bool
    valid: bool
    trusted: bool
    covers_document: bool
    problem: str = ""


class VerificationReport(Payload):
    """All signatures of a document, in order; `ok` only if each is intact, valid and trusted and nothing was changed."""

    ok: bool
    signatures: tuple[SignatureVerdict, ...]


class ESignHooks:
    """Hooks of topic `esign/1`."""

    @hookspec(firstresult=True)
    def esign_enrol(self, context: PluginContext, request: EnrolmentRequest) -> Enrolment:
        """Give the tenant's company a signing identity for trials; the host stores what comes back."""
        raise TypeError

    @hookspec(firstresult=True)
    def esign_sign(self, context: PluginContext, request: SignRequest) -> SignedDocument:
        """Put one visible signature or seal on a PDF."""
        raise TypeError

    @hookspec(firstresult=True)
    def esign_verify(self, context: PluginContext, document: bytes) -> VerificationReport:
        """Verify every signature of a PDF."""
        raise TypeError

    @hookspec(firstresult=True)
    def esign_check(self, context: PluginContext) -> CheckResult:
        """Test that the connection can sign, without signing anything."""
        raise TypeError


SPECIFICATION = ESignHooks
