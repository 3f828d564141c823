"""Topics `esign/1` and `ocr/1` on paper: signatures and readings are lines of text, not cryptography or optics."""

import hashlib
from datetime import timedelta

from acme_paperdesk.drawer import once, recall, stamped
from trilend_sdk import CallbackRequest, CheckResult, EffectQuery, PluginContext, Terminal, hookimpl
from trilend_sdk.esign import (
    BatchSignStatus,
    Enrolment,
    EnrolmentRequest,
    ESignCallback,
    ESignEvent,
    PreparedDocument,
    PrepareRequest,
    SealPicture,
    SealRequest,
    SignatureVerdict,
    SignBatch,
    SignBatchResult,
    SignRequest,
    SignResult,
    SignStatus,
    TimestampedDocument,
    TimestampRequest,
    VerificationReport,
    VerifyRequest,
)
from trilend_sdk.ocr import (
    BankCardReading,
    BankCardRequest,
    IdSide,
    LicenceReading,
    LicenceRequest,
    Picture,
    ReadField,
    ResidentIdReading,
    ResidentIdRequest,
)

MARK = b"\n%signed "


class Paper:
    """The hooks of `esign/1` and `ocr/1`."""

    @hookimpl
    def esign_check(self) -> CheckResult:
        """There is ink."""
        return CheckResult(ok=True, message="There is ink.")

    @hookimpl
    def esign_enrol(self, context: PluginContext, request: EnrolmentRequest) -> Enrolment:
        """What comes back is kept by the host with the connection."""
        return Enrolment(
            config={"holder": request.organization},
            secrets={"stamp": hashlib.sha256(request.uscc.encode()).hexdigest()},
            certificate_subject=request.organization,
            valid_until=context.clock() + timedelta(days=365),
        )

    @hookimpl
    def esign_prepare(self, request: PrepareRequest) -> PreparedDocument:
        """A line that names the empty fields."""
        names = " ".join(plan.field_name for plan in request.fields)
        return PreparedDocument(document=request.document + f"\n%fields {names}".encode())

    @hookimpl
    def esign_sign(self, context: PluginContext, request: SignRequest) -> SignResult:
        """A line with the field's name and a digest of all that stands before it."""
        return once(
            context, "esign_sign", request.idempotency_key, lambda reference: _sign(context, request, reference)
        )

    @hookimpl
    def esign_sign_status(self, context: PluginContext, query: EffectQuery) -> SignResult:
        """A signed sheet is kept."""
        nothing = SignResult(idempotency_key=query.idempotency_key, status=SignStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, SignResult) or nothing

    @hookimpl
    def esign_sign_batch(self, context: PluginContext, batch: SignBatch) -> SignBatchResult:
        """One after the other, in the order in which they came."""
        results = tuple(self.esign_sign(context, request) for request in batch.requests)
        return once(
            context,
            "esign_sign_batch",
            batch.idempotency_key,
            lambda reference: SignBatchResult(
                idempotency_key=batch.idempotency_key,
                reference=reference,
                status=BatchSignStatus.DONE,
                results=results,
            ),
        )

    @hookimpl
    def esign_sign_batch_status(self, context: PluginContext, query: EffectQuery) -> SignBatchResult:
        """The pile is kept."""
        nothing = SignBatchResult(idempotency_key=query.idempotency_key, status=BatchSignStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, SignBatchResult) or nothing

    @hookimpl
    def esign_seal(self, request: SealRequest) -> SealPicture:
        """A circle."""
        radius = min(request.width, request.height) / 2
        picture = f'<svg xmlns="http://www.w3.org/2000/svg"><circle r="{radius}" cx="{radius}" cy="{radius}"/></svg>'
        return SealPicture(content=picture.encode(), media_type="image/svg+xml")

    @hookimpl
    def esign_timestamp(self, context: PluginContext, request: TimestampRequest) -> TimestampedDocument:
        """The hour on a line of its own."""
        line = f"\n%stamp {request.field_name}".encode()
        return TimestampedDocument(document=request.document + line, stamped_at=context.clock(), authority="clock")

    @hookimpl
    def esign_verify(self, request: VerifyRequest) -> VerificationReport:
        """Each signature must still be the digest of what stands before it."""
        verdicts = tuple(_verdicts(request.document))
        return VerificationReport(ok=bool(verdicts) and all(each.intact for each in verdicts), signatures=verdicts)

    @hookimpl
    def esign_callback(self, context: PluginContext, request: CallbackRequest) -> ESignCallback:
        """The stamp is checked before anything is read."""
        return ESignCallback(events=(ESignEvent.model_validate_json(stamped(context, request)),))

    @hookimpl
    def ocr_check(self) -> CheckResult:
        """There are spectacles."""
        return CheckResult(ok=True, message="There are spectacles.")

    @hookimpl
    def ocr_resident_id(self, request: ResidentIdRequest) -> ResidentIdReading:
        """A picture here is its text: `resident_id=…` or `valid_until=…`."""
        name, field = _read(request.picture, "resident_id", "valid_until")
        side = IdSide.PORTRAIT if name == "resident_id" else IdSide.EMBLEM
        return ResidentIdReading.model_validate({"side": side, name: field})

    @hookimpl
    def ocr_business_licence(self, request: LicenceRequest) -> LicenceReading:
        """As above, `uscc=…`."""
        name, field = _read(request.picture, "uscc")
        return LicenceReading.model_validate({name: field})

    @hookimpl
    def ocr_bank_card(self, request: BankCardRequest) -> BankCardReading:
        """As above, `number=…`."""
        name, field = _read(request.picture, "number")
        return BankCardReading.model_validate({name: field})


def _sign(context: PluginContext, request: SignRequest, reference: str) -> SignResult:
    digest = hashlib.sha256(request.document).hexdigest()
    return SignResult(
        idempotency_key=request.idempotency_key,
        reference=reference,
        status=SignStatus.SIGNED,
        document=request.document + MARK + f"{request.field_name} {digest}".encode(),
        certificate_subject=request.signer.name,
        signed_at=context.clock(),
    )


def _verdicts(document: bytes) -> list[SignatureVerdict]:
    parts = document.split(MARK)
    verdicts = []
    for place, part in enumerate(parts[1:], start=1):
        name, digest = part.split()[:2]
        intact = hashlib.sha256(MARK.join(parts[:place])).hexdigest().encode() == digest
        verdicts.append(
            SignatureVerdict(
                field_name=name.decode(),
                signer="",
                signed_at=None,
                intact=intact,
                valid=intact,
                trusted=True,
                covers_document=intact,
            )
        )
    return verdicts


def _read(picture: Picture, *names: str) -> tuple[str, ReadField]:
    name, _, text = picture.content.decode().partition("=")
    if name not in names:
        raise Terminal("Nothing could be read in this picture.", "nothing_read")
    return name, ReadField(text=text, confidence=1.0, valid=True)
