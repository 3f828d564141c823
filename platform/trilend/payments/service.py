"""Executes payment instructions exactly once and reads bank statements, whatever crashes in between."""

from collections.abc import Callable, Sequence

import structlog
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.db.sets import batched
from trilend.payments.models import (
    OPEN_STATES,
    EntryState,
    InstructionState,
    PaymentInstruction,
    StatementCursor,
    StatementEntryRow,
)
from trilend.plugin_host.connections import active_connection, connection
from trilend.plugin_host.dispatcher import Target, call, check_may_pay, target
from trilend.plugin_host.models import Connection
from trilend.storage.sealed import blind_index
from trilend_sdk.bank import (
    BankAccount,
    StatementEntry,
    StatementPage,
    StatementQuery,
    TransferOrder,
    TransferResult,
    TransferStatus,
)
from trilend_sdk.errors import OutcomeUnknown, Retryable, Terminal
from trilend_sdk.payload import EffectQuery

log = structlog.get_logger(__name__)

_PAGE = 500
_STATE_AFTER = {
    TransferStatus.SETTLED: InstructionState.SETTLED,
    TransferStatus.REJECTED: InstructionState.REJECTED,
    TransferStatus.RETURNED: InstructionState.REJECTED,
    TransferStatus.ACCEPTED: InstructionState.ACCEPTED,
}

Settled = Callable[[Session, PaymentInstruction], None]


def execute(session: Session, instruction_id: int, settled: Settled) -> InstructionState:
    """Carry an instruction one step on and return where it stands.

    What is going to be sent is committed before it is sent. Whenever it is not known whether the bank has it, the
    bank is asked by the idempotency key; only a sure "not found" leads to sending it again, under the same key.
    `settled` runs in the transaction that records settlement. Commits the session. Raises `RealMoneyOnTrial`; the
    instruction then stays as it is.
    """
    instruction = _locked(session, instruction_id)
    if instruction.state not in OPEN_STATES:
        session.rollback()
        return instruction.state
    where = target(session, connection(session, instruction.connection_id))
    fresh = instruction.state == InstructionState.RECORDED
    order = _order(instruction)
    if fresh:
        check_may_pay(where)
        instruction.state, instruction.sent_at = InstructionState.SENDING, now()
    session.commit()
    result = _send(where, order) if fresh else _ask_then_send(where, order)
    return _conclude(session, instruction_id, result, settled)


def paying_connection(session: Session) -> Connection:
    """The bank connection through which the company pays; raises `ConnectionNotReady`, `RealMoneyOnTrial`."""
    found = active_connection(session, "bank")
    check_may_pay(target(session, found))
    return found


def open_instructions(session: Session, subject_type: str, subject_id: int) -> Sequence[PaymentInstruction]:
    """Instructions of a subject whose end is not known yet."""
    return session.scalars(
        select(PaymentInstruction).where(
            PaymentInstruction.subject_type == subject_type,
            PaymentInstruction.subject_id == subject_id,
            PaymentInstruction.state.in_(OPEN_STATES),
        )
    ).all()


def instructions_of(session: Session, subject_type: str, subject_id: int) -> Sequence[PaymentInstruction]:
    """All instructions of a subject, oldest first."""
    return session.scalars(
        select(PaymentInstruction)
        .where(PaymentInstruction.subject_type == subject_type, PaymentInstruction.subject_id == subject_id)
        .order_by(PaymentInstruction.id)
    ).all()


def read_statement(session: Session, connection_id: int) -> int:
    """Read all new entries of a connection's statement; returns how many. Commits after each page.

    Entries and cursor are stored in one transaction, and an entry already stored is skipped, so a crash or a
    second reader at the same time changes nothing. No transaction is open while the bank is asked.
    """
    where = target(session, connection(session, connection_id))
    read = 0
    while True:
        held = session.get(StatementCursor, connection_id)
        query = StatementQuery(cursor=held.cursor if held else "", limit=_PAGE)
        session.commit()
        page = call(where, "bank_statement", StatementPage, query=query)
        read += _store(session, connection_id, page.entries)
        _move_cursor(session, connection_id, page.cursor)
        session.commit()
        if not page.more:
            return read


def unmatched_receipts(session: Session, *, limit: int = 1000) -> Sequence[StatementEntryRow]:
    """Money that came in and has not been assigned yet, oldest first, locked for the caller."""
    return session.scalars(
        select(StatementEntryRow)
        .where(StatementEntryRow.state == EntryState.UNMATCHED, StatementEntryRow.direction == "in")
        .order_by(StatementEntryRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def assign(entry: StatementEntryRow, subject_type: str, subject_id: int) -> None:
    """Say what an entry is for."""
    entry.state, entry.subject_type, entry.subject_id = EntryState.MATCHED, subject_type, subject_id


def _locked(session: Session, instruction_id: int) -> PaymentInstruction:
    return session.scalars(
        select(PaymentInstruction).where(PaymentInstruction.id == instruction_id).with_for_update()
    ).one()


def _order(instruction: PaymentInstruction) -> TransferOrder:
    return TransferOrder(
        idempotency_key=instruction.key,
        amount=instruction.amount,
        payee=BankAccount(
            holder=instruction.payee_holder, number=instruction.payee_number, bank_name=instruction.payee_bank
        ),
        purpose=instruction.purpose,
    )


def _send(where: Target, order: TransferOrder) -> TransferResult | None:
    """The bank's word, or None when it is not known whether it has the order."""
    try:
        return call(where, "bank_transfer", TransferResult, order=order)
    except Terminal as refusal:
        return TransferResult(
            idempotency_key=order.idempotency_key, status=TransferStatus.REJECTED, reason=refusal.message
        )
    except (OutcomeUnknown, Retryable):
        return None


def _ask_then_send(where: Target, order: TransferOrder) -> TransferResult | None:
    try:
        found = call(
            where, "bank_transfer_status", TransferResult, query=EffectQuery(idempotency_key=order.idempotency_key)
        )
    except (OutcomeUnknown, Retryable, Terminal):
        return None
    return _send(where, order) if found.status == TransferStatus.NOT_FOUND else found


def _conclude(
    session: Session, instruction_id: int, result: TransferResult | None, settled: Settled
) -> InstructionState:
    instruction = _locked(session, instruction_id)
    if instruction.state in OPEN_STATES:
        instruction.state = _STATE_AFTER[result.status] if result else InstructionState.UNKNOWN
        if result:
            instruction.bank_reference, instruction.reason = result.reference, result.reason[:300]
        if instruction.state == InstructionState.SETTLED:
            instruction.settled_at = now()
            settled(session, instruction)
    state = instruction.state
    session.commit()
    return state


def _move_cursor(session: Session, connection_id: int, cursor: str) -> None:
    moved = upsert(StatementCursor).values(connection_id=connection_id, cursor=cursor)
    session.execute(moved.on_conflict_do_update(index_elements=["connection_id"], set_={"cursor": cursor}))
    session.expire_all()


def _store(session: Session, connection_id: int, read: Sequence[StatementEntry]) -> int:
    stored = 0
    for portion in batched(read, _PAGE):
        statement = upsert(StatementEntryRow).values([_row(connection_id, entry) for entry in portion])
        kept = statement.on_conflict_do_nothing(index_elements=["connection_id", "entry_id"])
        stored += len(session.execute(kept.returning(StatementEntryRow.id)).all())
    return stored


def _row(connection_id: int, entry: StatementEntry) -> dict[str, object]:
    return {
        "connection_id": connection_id,
        "entry_id": entry.entry_id,
        "booked_on": entry.booked_on,
        "direction": entry.direction.value,
        "amount": entry.amount,
        "balance": entry.balance,
        "counterparty_holder": entry.counterparty.holder,
        "counterparty_number": entry.counterparty.number,
        "counterparty_index": blind_index(entry.counterparty.number),
        "remark": entry.remark[:300],
        "idempotency_key": entry.idempotency_key,
        "state": EntryState.MATCHED if entry.idempotency_key else EntryState.UNMATCHED,
    }
