"""Verification: what can be said about each signature of a PDF, and about the document as a whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from trilend_pyhanko import certificates, container, identity
from trilend_pyhanko.signing import run_coroutine
from trilend_sdk.context import PluginContext
from trilend_sdk.esign import SignatureVerdict, VerificationReport, VerifyRequest

_UNREADABLE = "这份文件不是可读的 PDF，或已经损坏。"
_BROKEN_SIGNATURE = "签名已经损坏，或不是本插件支持的格式。"
_CONTENT_CHANGED = "签名之后，被签署的内容被改动过。"
_WRONG_SIGNATURE = "签名值与签署证书不符。"
_NOT_TRUSTED = "签署证书不是由本连接信任的证书机构签发，或签署时不在有效期内。"
_NOT_COVERED = "最后一次签名之后，文件又被改动或追加了内容。"


@dataclass(frozen=True)
class _Examination:
    """What all signatures of one document are judged against."""

    document: bytes
    roots: Sequence[x509.Certificate]
    now: datetime


def verify(context: PluginContext, request: VerifyRequest) -> VerificationReport:
    """Judge every signature, oldest first, trusting the configured authority and nothing else.

    A certificate must have been in force at the time the signature states, which the signature covers. The report is
    `ok` when there is a signature, each is intact, valid and trusted, and the last covers the file to its end.
    A document that cannot be read gives a report with one verdict that says so.
    """
    examination = _Examination(request.document, identity.trust_roots(context), request.as_of or context.clock())
    try:
        signatures, broken = _signatures(PdfFileReader(BytesIO(request.document)))
    except Exception:  # a damaged file can fail anywhere in its reader, and must give a report
        return VerificationReport(ok=False, signatures=(_unreadable("", _UNREADABLE),))
    last = len(signatures) - 1
    verdicts = tuple(_verdict(examination, each, is_last=place == last) for place, each in enumerate(signatures))
    verdicts += tuple(_unreadable(field_name, _BROKEN_SIGNATURE) for field_name in broken)
    return VerificationReport(ok=bool(verdicts) and all(map(_is_good, verdicts)), signatures=verdicts)


def _signatures(reader: PdfFileReader) -> tuple[list[EmbeddedPdfSignature], list[str]]:
    """The signatures in the order they were made, and the fields whose signature cannot be read."""
    readable, broken = [], []
    for field_name, _, field in enumerate_sig_fields(reader, filled_status=True):
        try:
            readable.append(EmbeddedPdfSignature(reader, field, field_name))
        except Exception:  # as above: damage of one signature must not hide the others
            broken.append(str(field_name))
    return sorted(readable, key=lambda each: each.signed_revision), broken


def _is_good(verdict: SignatureVerdict) -> bool:
    return verdict.intact and verdict.valid and verdict.trusted and verdict.covers_document


def _verdict(examination: _Examination, signature: EmbeddedPdfSignature, *, is_last: bool) -> SignatureVerdict:
    try:
        return _judge(examination, signature, is_last=is_last)
    except Exception:  # as above
        return _unreadable(str(signature.field_name), _BROKEN_SIGNATURE)


def _judge(examination: _Examination, signature: EmbeddedPdfSignature, *, is_last: bool) -> SignatureVerdict:
    signed_at = _stated_time(signature)
    status = run_coroutine(
        async_validate_pdf_signature(signature, _validation_context(examination, signed_at or examination.now))
    )
    stated_in_past = signed_at is not None and signed_at <= examination.now + certificates.CLOCK_TOLERANCE
    trusted = bool(status.trusted) and stated_in_past
    covers = _covers(examination, signature, status, is_last=is_last)
    return SignatureVerdict(
        field_name=str(signature.field_name),
        signer=certificates.subject_name(status.signing_cert),
        signed_at=signed_at,
        intact=status.intact,
        valid=status.valid,
        trusted=trusted,
        covers_document=covers,
        problem=_problem(status, trusted=trusted, covers=covers),
    )


def _validation_context(examination: _Examination, moment: datetime) -> ValidationContext:
    return ValidationContext(trust_roots=list(examination.roots), moment=moment, allow_fetching=False)


def _stated_time(signature: EmbeddedPdfSignature) -> datetime | None:
    stated = signature.self_reported_timestamp
    if stated is not None and stated.tzinfo is None:
        return stated.replace(tzinfo=UTC)
    return stated


def _covers(
    examination: _Examination, signature: EmbeddedPdfSignature, status: PdfSignatureStatus, *, is_last: bool
) -> bool:
    if not container.has_only_form(signature, examination.document):
        return False
    if is_last:
        return status.coverage is SignatureCoverageLevel.ENTIRE_FILE
    level = status.modification_level
    return bool(status.docmdp_ok) and level is not None and level <= ModificationLevel.FORM_FILLING


def _problem(status: PdfSignatureStatus, *, trusted: bool, covers: bool) -> str:
    checks = (
        (status.intact, _CONTENT_CHANGED),
        (status.valid, _WRONG_SIGNATURE),
        (trusted, _NOT_TRUSTED),
        (covers, _NOT_COVERED),
    )
    return next((sentence for passed, sentence in checks if not passed), "")


def _unreadable(field_name: str, problem: str) -> SignatureVerdict:
    return SignatureVerdict(
        field_name=field_name,
        signer="",
        signed_at=None,
        intact=False,
        valid=False,
        trusted=False,
        covers_document=False,
        problem=problem,
    )
