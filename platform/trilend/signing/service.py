"""Sends documents out for signature and lets each signatory sign in turn, with a code and evidence."""

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import Any

from flask_babel import gettext
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.documents.models import Document
from trilend.documents.service import content_of, document, file_document
from trilend.messages.service import send
from trilend.plugin_host.connections import active_connection, connection
from trilend.plugin_host.dispatcher import call, target
from trilend.signing.errors import (
    AlreadySigned,
    NotYourTurn,
    ReadFirst,
    SigningFailed,
    TooManyCodes,
    UnknownLink,
    WrongCode,
)
from trilend.signing.models import Envelope, EnvelopeState, Signatory, SignatoryRole, Signature
from trilend.webhooks.events import emit, event_types
from trilend_sdk.errors import PluginError
from trilend_sdk.esign import Placement, SealKind, Signer, SignRequest, SignResult, SignStatus
from trilend_sdk.events import EventKind

CODE_MINUTES = 10
MAX_CODE_FAILURES = 5


@dataclass(frozen=True)
class Party:
    """Someone to sign: name, reference to the checked identity, and a mobile number for people outside."""

    role: SignatoryRole
    name: str
    reference: str
    mobile: str = ""


PLACEMENTS: Mapping[SignatoryRole, Placement] = {
    SignatoryRole.COMPANY: Placement(page=-1, x=90, y=150, width=119, height=119),
    SignatoryRole.BORROWER: Placement(page=-1, x=350, y=170, width=70, height=70),
}


def open_envelope(
    session: Session,
    actor: Actor,
    *,
    contract: Document,
    parties: Sequence[Party],
    disclosure: Mapping[str, Any],
    reading_seconds: int,
) -> tuple[Envelope, dict[int, str]]:
    """Send a document out for signature; returns the envelope and the link token of each outside signatory's id.

    Tokens are kept as digests only: this is the one time they are known.
    """
    envelope = Envelope(
        subject_type=contract.subject_type,
        subject_id=contract.subject_id,
        title=contract.title,
        document_id=contract.id,
        connection_id=active_connection(session, "esign").id,
        disclosure=dict(disclosure),
        reading_seconds=reading_seconds,
    )
    tokens: dict[int, str] = {}
    session.add(envelope)
    for position, party in enumerate(parties):
        token = secrets.token_urlsafe(32) if party.role != SignatoryRole.COMPANY else None
        signatory = Signatory(
            position=position,
            role=party.role,
            name=party.name,
            reference=party.reference,
            mobile=party.mobile,
            token_digest=_digest(token) if token else None,
        )
        envelope.signatories.append(signatory)
        session.flush()
        if token:
            tokens[signatory.id] = token
    record(session, actor, "envelope.opened", contract.subject_type, contract.subject_id, envelope=envelope.id)
    return envelope, tokens


def envelopes_of(session: Session, subject_type: str, subject_id: int) -> Sequence[Envelope]:
    """All envelopes of a subject, newest first."""
    return session.scalars(
        select(Envelope)
        .where(Envelope.subject_type == subject_type, Envelope.subject_id == subject_id)
        .order_by(Envelope.id.desc())
    ).all()


def seal_for_company(session: Session, actor: Actor, envelope: Envelope) -> Signature:
    """Put the company's seal on the document, on behalf of the member of staff who asked for it."""
    signatory = next(found for found in envelope.signatories if found.role == SignatoryRole.COMPANY)
    return _sign(session, actor, signatory, evidence={"sealed_by": actor.name})


def new_link(session: Session, actor: Actor, signatory: Signatory) -> str:
    """Make a new link for a signatory; the former one stops working."""
    if signatory.signed_at is not None:
        raise AlreadySigned
    token = secrets.token_urlsafe(32)
    signatory.token_digest = _digest(token)
    subject = signatory.envelope
    record(session, actor, "envelope.relinked", subject.subject_type, subject.subject_id, signatory=signatory.id)
    return token


def signatory_by_token(session: Session, token: str) -> Signatory:
    """The signatory a link belongs to; raises `UnknownLink`. Notes when it was first opened."""
    found = session.scalar(select(Signatory).where(Signatory.token_digest == _digest(token)))
    if found is None:
        raise UnknownLink
    if found.opened_at is None:
        found.opened_at = now()
    return found


def seconds_to_read(signatory: Signatory) -> int:
    """How long the signatory must still read before a code may be asked for (seconds)."""
    if signatory.opened_at is None:
        return signatory.envelope.reading_seconds
    passed = (now() - signatory.opened_at).total_seconds()
    return max(0, round(signatory.envelope.reading_seconds - passed))


def send_code(session: Session, signatory: Signatory) -> None:
    """Send a new one-time code to the signatory's mobile; raises `AlreadySigned`, `NotYourTurn`, `ReadFirst`."""
    _require_turn(signatory)
    if wait := seconds_to_read(signatory):
        raise ReadFirst(wait)
    code = f"{secrets.randbelow(1_000_000):06d}"
    signatory.code_digest = _code_digest(signatory, code)
    signatory.code_expires_at = now() + timedelta(minutes=CODE_MINUTES)
    signatory.code_failures = 0
    text = gettext("Your code to sign “%(title)s” is %(code)s.", title=signatory.envelope.title, code=code)
    send(session, channel="sms", recipient=signatory.mobile, subject=gettext("Signing code"), body=text)


def sign_with_code(session: Session, signatory: Signatory, code: str, evidence: Mapping[str, str]) -> Signature:
    """Sign for a person outside who has entered the right code.

    Raises `WrongCode` (the failure is counted: commit all the same), `TooManyCodes`, `AlreadySigned`, `NotYourTurn`.
    """
    _require_turn(signatory)
    if signatory.code_failures >= MAX_CODE_FAILURES:
        raise TooManyCodes
    expired = signatory.code_expires_at is None or signatory.code_expires_at < now()
    if expired or not hmac.compare_digest(signatory.code_digest, _code_digest(signatory, code.strip())):
        signatory.code_failures += 1
        raise WrongCode
    proof = dict(evidence) | {
        "opened_at": signatory.opened_at.isoformat() if signatory.opened_at else "",
        "code_sent_to": f"*{signatory.mobile[-4:]}",
        "document_sha256": document(session, signatory.envelope.document_id).sha256,
    }
    return _sign(session, Actor(signatory.name), signatory, evidence=proof)


def _sign(session: Session, actor: Actor, signatory: Signatory, *, evidence: Mapping[str, str]) -> Signature:
    session.refresh(signatory, with_for_update=True)
    _require_turn(signatory)
    envelope = signatory.envelope
    before = document(session, envelope.document_id)
    signed = _signed_by_plugin(session, envelope, _request(signatory, content_of(before), evidence))
    after = file_document(
        session,
        subject_type=envelope.subject_type,
        subject_id=envelope.subject_id,
        kind=before.kind,
        title=before.title,
        media_type=before.media_type,
        content=signed.document,
    )
    signature = Signature(
        envelope_id=envelope.id,
        signatory_id=signatory.id,
        document_before=before.id,
        document_after=after.id,
        certificate_subject=signed.certificate_subject,
        certificate_serial=signed.certificate_serial,
        signed_at=signed.signed_at,
        evidence=dict(evidence),
    )
    session.add(signature)
    signatory.signed_at, signatory.code_digest = signed.signed_at, ""
    envelope.document_id = after.id
    if all(found.signed_at for found in envelope.signatories):
        envelope.state, envelope.completed_at = EnvelopeState.COMPLETED, now()
        _tell(session, envelope)
    session.flush()
    record(session, actor, "document.signed", envelope.subject_type, envelope.subject_id, envelope=envelope.id)
    return signature


def _tell(session: Session, envelope: Envelope) -> None:
    if EventKind.CONTRACT_SIGNED in {each.name for each in event_types()}:
        emit(
            session,
            EventKind.CONTRACT_SIGNED,
            subject_type=envelope.subject_type,
            subject_id=envelope.subject_id,
            data={"title": envelope.title},
        )


def _signed_by_plugin(session: Session, envelope: Envelope, request: SignRequest) -> SignResult:
    where = target(session, connection(session, envelope.connection_id))
    try:
        result = call(where, "esign_sign", SignResult, request=request)
    except PluginError as error:
        raise SigningFailed(error.message) from error
    if result.status is not SignStatus.SIGNED:
        raise SigningFailed(result.reason)
    return result


def _request(signatory: Signatory, content: bytes, evidence: Mapping[str, str]) -> SignRequest:
    company = signatory.role == SignatoryRole.COMPANY
    return SignRequest(
        idempotency_key=f"signature-{signatory.envelope_id}-{signatory.position}",
        document=content,
        field_name=f"Signature{signatory.position + 1}",
        signer=Signer(
            name=signatory.name,
            reference=signatory.reference,
            kind=SealKind.COMPANY if company else SealKind.PERSONAL,
        ),
        placement=PLACEMENTS[signatory.role],
        reason=gettext("Signs “%(title)s”", title=signatory.envelope.title),
        evidence=dict(evidence),
    )


def _require_turn(signatory: Signatory) -> None:
    if signatory.signed_at is not None:
        raise AlreadySigned
    if any(other.signed_at is None and other.position < signatory.position for other in signatory.envelope.signatories):
        raise NotYourTurn


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def _code_digest(signatory: Signatory, code: str) -> str:
    return sha256(f"{signatory.id}:{signatory.token_digest}:{code}".encode()).hexdigest()
