"""Transfers ordered by API clients: one movement of money per idempotency key."""

import sqlite3
from dataclasses import dataclass

from trilend_sandbox.bank.accounts import Party, find_customer_account, require_account, same_holder
from trilend_sandbox.bank.errors import InsufficientBalance
from trilend_sandbox.bank.ledger import Movement, move
from trilend_sandbox.bank.settings import Settlement, book_date, settlement
from trilend_sandbox.house.clock import utc_now, wire_instant
from trilend_sandbox.house.errors import Refusal


@dataclass(frozen=True)
class Order:
    """What a client wants to be paid."""

    client_id: str
    idempotency_key: str
    payer: str
    payee: Party
    amount_fen: int
    purpose: str


@dataclass(frozen=True)
class Transfer:
    """An order the bank has taken in: `status` is accepted, settled or rejected (with a reason)."""

    id: int
    order: Order
    reference: str
    status: str
    reason: str
    created_at: str


def place_order(connection: sqlite3.Connection, order: Order) -> Transfer:
    """Take an order in and, unless settlement is manual, carry it out; a known key moves nothing again.

    Raises `Refusal` (409) when the key was used for another order.
    """
    known = find_transfer(connection, order.client_id, order.idempotency_key)
    if known is None:
        transfer = _take_in(connection, order)
        return transfer if settlement(connection) is Settlement.MANUAL else settle(connection, transfer)
    if known.order != order:
        raise Refusal(409, "idempotency_conflict", "同一幂等键已用于另一笔转账")
    return known


def settle(connection: sqlite3.Connection, transfer: Transfer) -> Transfer:
    """Carry an accepted transfer out, or reject it for good."""
    order = transfer.order
    reason = _rejection(connection, order)
    if not reason:
        payer = require_account(connection, order.payer).party
        try:
            move(
                connection,
                Movement(
                    payer,
                    order.payee,
                    order.amount_fen,
                    book_date(connection),
                    order.purpose,
                    order.client_id,
                    order.idempotency_key,
                ),
            )
        except InsufficientBalance:
            reason = "余额不足"
    connection.execute(
        "UPDATE transfer SET status = ?, reason = ? WHERE id = ?",
        ("rejected" if reason else "settled", reason, transfer.id),
    )
    return _require(connection, transfer.id)


def settle_waiting(connection: sqlite3.Connection) -> int:
    """Carry out every accepted transfer in the order of arrival; the number of them."""
    rows = connection.execute("SELECT * FROM transfer WHERE status = 'accepted' ORDER BY id").fetchall()
    for row in rows:
        settle(connection, _transfer(row))
    return len(rows)


def find_transfer(connection: sqlite3.Connection, client_id: str, idempotency_key: str) -> Transfer | None:
    """A client's transfer by its idempotency key."""
    row = connection.execute(
        "SELECT * FROM transfer WHERE client_id = ? AND idempotency_key = ?", (client_id, idempotency_key)
    ).fetchone()
    return _transfer(row) if row else None


def transfers_before(connection: sqlite3.Connection, before: int, limit: int) -> list[Transfer]:
    """Transfers with a number below `before`, newest first."""
    rows = connection.execute("SELECT * FROM transfer WHERE id < ? ORDER BY id DESC LIMIT ?", (before, limit))
    return [_transfer(row) for row in rows]


def transfers_with_key(connection: sqlite3.Connection, idempotency_key: str) -> list[Transfer]:
    """Transfers of all clients under one idempotency key, newest first."""
    rows = connection.execute("SELECT * FROM transfer WHERE idempotency_key = ? ORDER BY id DESC", (idempotency_key,))
    return [_transfer(row) for row in rows]


def count_transfers(connection: sqlite3.Connection) -> dict[str, int]:
    """How many transfers stand where."""
    counts = {"accepted": 0, "settled": 0, "rejected": 0}
    rows = connection.execute("SELECT status, count(*) AS number FROM transfer GROUP BY status")
    return counts | {row["status"]: row["number"] for row in rows}


def _rejection(connection: sqlite3.Connection, order: Order) -> str:
    if order.payer == order.payee.number:
        return "付款账号与收款账号相同"
    payee = find_customer_account(connection, order.payee.number)
    if payee is not None and not same_holder(payee.holder, order.payee.holder):
        return "户名不符"
    return ""


def _take_in(connection: sqlite3.Connection, order: Order) -> Transfer:
    row = connection.execute("SELECT coalesce(max(id), 0) + 1 AS number FROM transfer").fetchone()
    reference = f"T{book_date(connection):%Y%m%d}{row['number']:09d}"
    cursor = connection.execute(
        "INSERT INTO transfer (client_id, idempotency_key, reference, payer, payee_holder, payee_number,"
        " payee_bank_name, amount_fen, purpose, status, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'accepted', ?)",
        (
            order.client_id,
            order.idempotency_key,
            reference,
            order.payer,
            order.payee.holder,
            order.payee.number,
            order.payee.bank_name,
            order.amount_fen,
            order.purpose,
            wire_instant(utc_now()),
        ),
    )
    return _require(connection, cursor.lastrowid or 0)


def _require(connection: sqlite3.Connection, transfer_id: int) -> Transfer:
    return _transfer(connection.execute("SELECT * FROM transfer WHERE id = ?", (transfer_id,)).fetchone())


def _transfer(row: sqlite3.Row) -> Transfer:
    payee = Party(row["payee_holder"], row["payee_number"], row["payee_bank_name"])
    order = Order(row["client_id"], row["idempotency_key"], row["payer"], payee, row["amount_fen"], row["purpose"])
    return Transfer(row["id"], order, row["reference"], row["status"], row["reason"], row["created_at"])
