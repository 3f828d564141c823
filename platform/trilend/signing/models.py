"""Envelopes, their signatories, and the signatures that were made."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from trilend.db.base import BigKey, Created, TenantBase
from trilend.organization.scope import OfSubject
from trilend.storage.sealed import SealedText


class EnvelopeState(StrEnum):
    """Out for signature, or signed by all."""

    OPEN = "open"
    COMPLETED = "completed"


class SignatoryRole(StrEnum):
    """The tenant's company with its seal, or a person outside who signs through a link."""

    COMPANY = "company"
    BORROWER = "borrower"


class Envelope(OfSubject, Created, TenantBase):
    """A document on its way to being signed; `document_id` is its newest version."""

    __tablename__ = "envelope"
    __table_args__ = (Index("envelope_subject", "subject_type", "subject_id"),)

    id: Mapped[BigKey]
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    title: Mapped[str] = mapped_column(String(200))
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    disclosure: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    reading_seconds: Mapped[int]
    state: Mapped[EnvelopeState] = mapped_column(String(16), default=EnvelopeState.OPEN)
    completed_at: Mapped[datetime | None]
    signatories: Mapped[list["Signatory"]] = relationship(order_by="Signatory.position", back_populates="envelope")


class Signatory(TenantBase):
    """Someone who is to sign: reached by a link whose token is kept as a digest, and a code sent to the mobile."""

    __tablename__ = "signatory"

    id: Mapped[BigKey]
    envelope_id: Mapped[int] = mapped_column(ForeignKey("envelope.id"), index=True)
    position: Mapped[int]
    role: Mapped[SignatoryRole] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(64))
    mobile: Mapped[str] = mapped_column(SealedText)
    token_digest: Mapped[str | None] = mapped_column(String(64), unique=True)
    opened_at: Mapped[datetime | None]
    code_digest: Mapped[str] = mapped_column(String(64), default="")
    code_expires_at: Mapped[datetime | None]
    code_failures: Mapped[int] = mapped_column(default=0)
    signed_at: Mapped[datetime | None]
    envelope: Mapped[Envelope] = relationship(back_populates="signatories")


class Signature(Created, TenantBase):
    """A signature that was made, with its evidence; never changed."""

    __tablename__ = "signature"
    __table_args__ = ({"info": {"append_only": True}},)

    id: Mapped[BigKey]
    envelope_id: Mapped[int] = mapped_column(ForeignKey("envelope.id"), index=True)
    signatory_id: Mapped[int] = mapped_column(ForeignKey("signatory.id"), unique=True)
    document_before: Mapped[int] = mapped_column(ForeignKey("document.id"))
    document_after: Mapped[int] = mapped_column(ForeignKey("document.id"))
    certificate_subject: Mapped[str] = mapped_column(String(300))
    certificate_serial: Mapped[str] = mapped_column(String(64))
    signed_at: Mapped[datetime]
    evidence: Mapped[dict[str, Any]] = mapped_column(JSON)
