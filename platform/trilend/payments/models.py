"""Payment instructions, statement entries, and how far each statement has been read."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase, Yuan
from trilend.organization.scope import OfSubject
from trilend.storage.sealed import SealedText


class InstructionState(StrEnum):
    """Recorded before it is sent; unknown until the bank has been asked; settled or rejected in the end."""

    RECORDED = "recorded"
    SENDING = "sending"
    ACCEPTED = "accepted"
    UNKNOWN = "unknown"
    SETTLED = "settled"
    REJECTED = "rejected"


OPEN_STATES = (
    InstructionState.RECORDED,
    InstructionState.SENDING,
    InstructionState.ACCEPTED,
    InstructionState.UNKNOWN,
)


class PaymentInstruction(OfSubject, Created, TenantBase):
    """Money to be sent; `key` is the idempotency key that the bank sees."""

    __tablename__ = "payment_instruction"
    __table_args__ = (
        Index("payment_subject", "subject_type", "subject_id"),
        Index("payment_state", "state"),
        {"info": {"reports": True}},
    )

    id: Mapped[BigKey]
    key: Mapped[str] = mapped_column(String(64), unique=True)
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    amount: Mapped[Yuan]
    payee_holder: Mapped[str] = mapped_column(String(200))
    payee_number: Mapped[str] = mapped_column(SealedText)
    payee_bank: Mapped[str] = mapped_column(String(100), default="")
    purpose: Mapped[str] = mapped_column(String(120))
    state: Mapped[InstructionState] = mapped_column(String(16), default=InstructionState.RECORDED)
    bank_reference: Mapped[str] = mapped_column(String(64), default="")
    reason: Mapped[str] = mapped_column(String(300), default="")
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class EntryState(StrEnum):
    """Whether it is known what a statement entry is for; set aside is what concerns no business of ours."""

    UNMATCHED = "unmatched"
    MATCHED = "matched"
    SET_ASIDE = "set_aside"


class StatementEntryRow(Created, TenantBase):
    """One booked movement as the bank told it; `entry_id` is the bank's own."""

    __tablename__ = "statement_entry"
    __table_args__ = (
        UniqueConstraint("connection_id", "entry_id"),
        Index("statement_unmatched", "id", postgresql_where="state = 'unmatched'"),
        {"info": {"reports": True}},
    )

    id: Mapped[BigKey]
    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"))
    entry_id: Mapped[str] = mapped_column(String(64))
    booked_on: Mapped[date]
    direction: Mapped[str] = mapped_column(String(3))
    amount: Mapped[Yuan]
    balance: Mapped[Yuan]
    counterparty_holder: Mapped[str] = mapped_column(String(200))
    counterparty_number: Mapped[str] = mapped_column(SealedText)
    counterparty_index: Mapped[str] = mapped_column(String(64))
    remark: Mapped[str] = mapped_column(String(300), default="")
    idempotency_key: Mapped[str] = mapped_column(String(64), default="")
    state: Mapped[EntryState] = mapped_column(String(16), default=EntryState.UNMATCHED)
    subject_type: Mapped[str] = mapped_column(String(32), default="")
    subject_id: Mapped[int | None]


class StatementCursor(TenantBase):
    """How far a connection's statement has been read."""

    __tablename__ = "statement_cursor"

    connection_id: Mapped[int] = mapped_column(ForeignKey("connection.id"), primary_key=True)
    cursor: Mapped[str] = mapped_column(String(200), default="")
