"""Signing: one PAdES B-B signature with a visible mark, as an incremental update of the document."""

import asyncio
import hashlib
import json
import unicodedata
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from io import BytesIO
from typing import Any, TypeVar

from asn1crypto import keys
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.content import PdfResources, RawContent
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.layout import AxisAlignment, BoxConstraints, Margins, SimpleBoxLayoutRule
from pyhanko.pdf_utils.writer import BasePdfFileWriter, init_xobject_dictionary
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner
from pyhanko.sign.signers.pdf_signer import PdfSigningSession
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator.registry import SimpleCertificateStore

from trilend_pyhanko import certificates, documents, identity, seal
from trilend_pyhanko.identity import Identity
from trilend_sdk.context import PluginContext
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import Placement, SealKind, SignatureLevel, SignRequest, SignResult, SignStatus

T = TypeVar("T")


def sign(context: PluginContext, request: SignRequest) -> SignResult:
    """Sign the document as the company, or as a person by an event certificate made for this signature alone.

    Raises `Terminal` when the document cannot be read, the field exists, the place is not on the page, a character
    has no glyph, or the identity is absent, expired or another company's.
    """
    placement = _placement(request)
    writer = documents.open_for_signing(request.document)
    documents.require_free_field(writer, request.field_name)
    box = documents.signature_box(writer, placement)
    appearance = seal.draw(request.signer, placement.width, placement.height)
    signed_at = context.clock().replace(microsecond=0)
    signer = _signing_identity(context, request, signed_at)
    document = _write(writer, request, placement, signer, box, appearance, signed_at)
    context.log.info("document signed", field=request.field_name, kind=request.signer.kind.value)
    return SignResult(
        idempotency_key=request.idempotency_key,
        status=SignStatus.SIGNED,
        document=document,
        certificate_subject=certificates.subject_text(signer.certificate),
        certificate_serial=f"{signer.certificate.serial_number:x}",
        signed_at=signed_at,
    )


def evidence_digest(evidence: Mapping[str, str]) -> bytes | None:
    """SHA-256 of the evidence as JSON (UTF-8, sorted keys, no blanks); None when there is no evidence."""
    if not evidence:
        return None
    text = json.dumps(dict(evidence), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()


def run_coroutine(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result, run in a thread of its own: the caller's thread may have an event loop already."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _placement(request: SignRequest) -> Placement:
    if request.level is not SignatureLevel.B_B:
        raise Terminal(f"本连接只能做 B-B 级签名，不能做 {request.level.value} 级。", code="level_unsupported")
    if request.placement is None:
        raise Terminal("请给出签名的位置：本插件不在预留的空签名域中签名。", code="placement_missing")
    return request.placement


def _signing_identity(context: PluginContext, request: SignRequest, now: datetime) -> Identity:
    if request.signer.kind is SealKind.COMPANY:
        company = identity.company_identity(context, now)
        _require_same_company(certificates.organization(company.certificate), request.signer.name)
        return company
    key = certificates.new_key()
    certificate = certificates.issue_event(
        identity.authority(context, now),
        request.signer.name,
        request.signer.reference,
        evidence_digest(request.evidence),
        key,
        now,
    )
    return Identity(certificate, key)


def _require_same_company(certified: str, sealed: str) -> None:
    if _comparable(certified) != _comparable(sealed):
        raise Terminal(f"印章名称“{sealed}”与证书中的公司“{certified}”不一致。", code="company_mismatch")


def _comparable(name: str) -> str:
    # Registered names are written with full-width or half-width brackets alike.
    return "".join(unicodedata.normalize("NFKC", name).split())


def _write(
    writer: IncrementalPdfFileWriter,
    request: SignRequest,
    placement: Placement,
    signer: Identity,
    box: tuple[float, float, float, float],
    appearance: bytes,
    signed_at: datetime,
) -> bytes:
    pdf_signer = _ClockedSigner(
        signed_at,
        _metadata(request),
        _pyhanko_signer(signer),
        stamp_style=_stamp(writer, appearance, placement.width, placement.height),
        new_field_spec=SigFieldSpec(request.field_name, on_page=placement.page, box=box),  # type: ignore[arg-type]
    )
    output = BytesIO()
    with documents.refusing_damage():
        run_coroutine(pdf_signer.async_sign_pdf(writer, output=output))
    return output.getvalue()


def _metadata(request: SignRequest) -> PdfSignatureMetadata:
    digest = evidence_digest(request.evidence)
    return PdfSignatureMetadata(
        field_name=request.field_name,
        md_algorithm="sha256",
        name=request.signer.name,
        reason=request.reason,
        contact_info=None if digest is None else f"evidence-sha256:{digest.hex()}",
        subfilter=SigSeedSubFilter.PADES,
    )


def _pyhanko_signer(signer: Identity) -> SimpleSigner:
    encoded = signer.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    store = SimpleCertificateStore.from_certs(signer.intermediates)  # type: ignore[no-untyped-call]
    # Bytes of a root in the container would be covered by no signature, so the root stays outside.
    return SimpleSigner(signer.certificate, keys.PrivateKeyInfo.load(encoded), store, embed_roots=False)


def _stamp(writer: IncrementalPdfFileWriter, appearance: bytes, width: float, height: float) -> StaticStampStyle:
    # Multiplied like ink on paper, so that text under the seal stays readable; as one group, so that lines that
    # overlap inside the mark do not darken each other.
    mark = init_xobject_dictionary(appearance, width, height)
    mark["/Group"] = _dictionary("/S", "/Transparency")
    resources = PdfResources()  # type: ignore[no-untyped-call]
    resources.xobject[pdf_name("/Mark")] = writer.add_object(mark)
    resources.ext_g_state[pdf_name("/Ink")] = _dictionary("/BM", "/Multiply")
    box = BoxConstraints(width=width, height=height)
    middle = AxisAlignment.ALIGN_MID
    return StaticStampStyle(
        background=RawContent(b"/Ink gs /Mark Do", resources, box),
        background_layout=SimpleBoxLayoutRule(middle, middle, Margins()),
        border_width=0,
    )


def _dictionary(key: str, name: str) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name(key): pdf_name(name)})  # type: ignore[no-untyped-call]


class _ClockedSigner(PdfSigner):
    """A signer that takes the signing time from the host's clock."""

    def __init__(
        self,
        signed_at: datetime,
        metadata: PdfSignatureMetadata,
        signer: SimpleSigner,
        stamp_style: StaticStampStyle,
        new_field_spec: SigFieldSpec,
    ) -> None:
        super().__init__(metadata, signer, stamp_style=stamp_style, new_field_spec=new_field_spec)
        self._signed_at = signed_at

    def init_signing_session(self, pdf_out: BasePdfFileWriter, existing_fields_only: bool = False) -> PdfSigningSession:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._signed_at
        return session
