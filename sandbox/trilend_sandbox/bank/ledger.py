"""Movements of money: always two entries, one out and one in, in one transaction."""

import sqlite3
from dataclasses import dataclass
from datetime import date

from trilend_sandbox.bank.accounts import (
    CASH,
    CLEARING,
    Account,
    Party,
    find_account,
    find_customer_account,
    open_account,
    require_account,
)
from trilend_sandbox.bank.errors import InsufficientBalance
from trilend_sandbox.house.clock import utc_now, wire_instant
from trilend_sandbox.house.errors import Refusal


@dataclass(frozen=True)
class Movement:
    """Money from one party to another; a party without an account here is reached through clearing.

    `client_id` and `idempotency_key` name the API client's order, where there was one.
    """

    payer: Party
    payee: Party
    amount_fen: int
    booked_on: date
    remark: str = ""
    client_id: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True)
class Entry:
    """One line of an account's statement."""

    id: int
    account: str
    direction: str
    amount_fen: int
    balance_fen: int
    booked_on: str
    booked_at: str
    counterparty: Party
    remark: str
    client_id: str
    idempotency_key: str

    @property
    def entry_id(self) -> str:
        """The number the outside knows the entry by."""
        return f"E{self.id:012d}"


def move(connection: sqlite3.Connection, movement: Movement) -> None:
    """Book a movement on both sides; raises `InsufficientBalance` when a customer's account holds too little."""
    source = _account_of(connection, movement.payer)
    target = _account_of(connection, movement.payee)
    if not source.internal and source.balance_fen < movement.amount_fen:
        raise InsufficientBalance
    _book(connection, source.number, "out", movement, movement.payee)
    _book(connection, target.number, "in", movement, movement.payer)


def open_with_balance(
    connection: sqlite3.Connection, opened: tuple[str, str, str], balance_fen: int, booked_on: date
) -> Account:
    """Open an account (holder, number, bank name) and pay its opening balance in from cash."""
    account = open_account(connection, *opened)
    if balance_fen:
        cash = require_account(connection, CASH)
        move(connection, Movement(cash.party, account.party, balance_fen, booked_on, "开户存入"))
    return require_account(connection, account.number)


def pay_in(connection: sqlite3.Connection, movement: Movement) -> None:
    """Move money on a person's word, as a borrower repaying would; raises `Refusal`.

    At least one side must have its account here, and is booked under that account's own names.
    """
    if movement.payer.number == movement.payee.number:
        raise Refusal(400, "same_account", "付款账号与收款账号相同")
    sides = [find_customer_account(connection, party.number) for party in (movement.payer, movement.payee)]
    if sides == [None, None]:
        raise Refusal(404, "account_unknown", "付款账号和收款账号都不在本行")
    payer, payee = (
        account.party if account else party
        for account, party in zip(sides, (movement.payer, movement.payee), strict=True)
    )
    if not payer.holder or not payee.holder:
        raise Refusal(400, "holder_missing", "他行账户须填写户名")
    try:
        move(connection, Movement(payer, payee, movement.amount_fen, movement.booked_on, movement.remark))
    except InsufficientBalance:
        raise Refusal(409, "insufficient_balance", "付款账户余额不足") from None


def entries_after(connection: sqlite3.Connection, account: str, after: int, limit: int) -> list[Entry]:
    """Entries of an account with a number above `after`, oldest first."""
    rows = connection.execute(
        "SELECT * FROM entry WHERE account = ? AND id > ? ORDER BY id LIMIT ?", (account, after, limit)
    )
    return [_entry(row) for row in rows]


def entries_before(connection: sqlite3.Connection, account: str, before: int, limit: int) -> list[Entry]:
    """Entries of an account with a number below `before`, newest first."""
    rows = connection.execute(
        "SELECT * FROM entry WHERE account = ? AND id < ? ORDER BY id DESC LIMIT ?", (account, before, limit)
    )
    return [_entry(row) for row in rows]


def _account_of(connection: sqlite3.Connection, party: Party) -> Account:
    account = find_account(connection, party.number)
    return account if account is not None else require_account(connection, CLEARING)


def _book(
    connection: sqlite3.Connection,
    account: str,
    direction: str,
    movement: Movement,
    counterparty: Party,
) -> None:
    ordered_by = (movement.client_id, movement.idempotency_key) if direction == "out" else ("", "")
    change = movement.amount_fen if direction == "in" else -movement.amount_fen
    row = connection.execute(
        "UPDATE account SET balance_fen = balance_fen + ? WHERE number = ? RETURNING balance_fen", (change, account)
    ).fetchone()
    connection.execute(
        "INSERT INTO entry (account, direction, amount_fen, balance_fen, booked_on, booked_at, counterparty_holder,"
        " counterparty_number, counterparty_bank_name, remark, client_id,"
        " idempotency_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            account,
            direction,
            movement.amount_fen,
            row["balance_fen"],
            movement.booked_on.isoformat(),
            wire_instant(utc_now()),
            counterparty.holder,
            counterparty.number,
            counterparty.bank_name,
            movement.remark,
            *ordered_by,
        ),
    )


def _entry(row: sqlite3.Row) -> Entry:
    counterparty = Party(row["counterparty_holder"], row["counterparty_number"], row["counterparty_bank_name"])
    return Entry(
        id=row["id"],
        account=row["account"],
        direction=row["direction"],
        amount_fen=row["amount_fen"],
        balance_fen=row["balance_fen"],
        booked_on=row["booked_on"],
        booked_at=row["booked_at"],
        counterparty=counterparty,
        remark=row["remark"],
        client_id=row["client_id"],
        idempotency_key=row["idempotency_key"],
    )
