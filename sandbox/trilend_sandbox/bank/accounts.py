"""Accounts of the bank, and the two internal ones through which money enters and leaves it."""

import secrets
import sqlite3
import unicodedata
from dataclasses import dataclass

from stdnum import luhn

from trilend_sandbox.house.clock import utc_now, wire_instant
from trilend_sandbox.house.errors import Refusal

CLEARING = "CLEARING"
CASH = "CASH"
DEFAULT_BANK_NAME = "沙箱银行"
_NUMBER_PREFIX = "62"
_NUMBER_DIGITS = 19


@dataclass(frozen=True)
class Party:
    """One side of a movement of money: an account here or at another bank."""

    holder: str
    number: str
    bank_name: str


@dataclass(frozen=True)
class Account:
    """An account of this bank; `balance_fen` is its booked balance, internal ones may be below zero."""

    number: str
    holder: str
    bank_name: str
    balance_fen: int
    internal: bool

    @property
    def party(self) -> Party:
        """The account as one side of a movement."""
        return Party(self.holder, self.number, self.bank_name)


def ensure_internal_accounts(connection: sqlite3.Connection) -> None:
    """Open the clearing account (other banks) and the cash account (opening deposits) where missing."""
    for number, holder in ((CLEARING, "跨行清算"), (CASH, "现金")):
        connection.execute(
            "INSERT OR IGNORE INTO account (number, holder, bank_name, internal, opened_at) VALUES (?, ?, ?, 1, ?)",
            (number, holder, DEFAULT_BANK_NAME, wire_instant(utc_now())),
        )


def new_number() -> str:
    """A random 19-digit account number whose last digit is its Luhn check digit."""
    body = _NUMBER_PREFIX + "".join(str(secrets.randbelow(10)) for _ in range(_NUMBER_DIGITS - 3))
    return body + str(luhn.calc_check_digit(body))


def open_account(connection: sqlite3.Connection, holder: str, number: str, bank_name: str) -> Account:
    """Open an empty account; raises `Refusal` for a bad or taken number or an empty name."""
    holder = holder.strip()
    if not holder:
        raise Refusal(400, "holder_missing", "户名不能为空")
    if not 12 <= len(number) <= 19 or not number.isascii() or not number.isdigit() or not luhn.is_valid(number):
        raise Refusal(400, "number_invalid", "账号应为 12 至 19 位数字且校验位正确")
    if find_account(connection, number) is not None:
        raise Refusal(409, "number_taken", "账号已存在")
    connection.execute(
        "INSERT INTO account (number, holder, bank_name, opened_at) VALUES (?, ?, ?, ?)",
        (number, holder, bank_name.strip() or DEFAULT_BANK_NAME, wire_instant(utc_now())),
    )
    return require_account(connection, number)


def find_account(connection: sqlite3.Connection, number: str) -> Account | None:
    """The account with this number, internal ones included."""
    row = connection.execute("SELECT * FROM account WHERE number = ?", (number,)).fetchone()
    return _account(row) if row else None


def find_customer_account(connection: sqlite3.Connection, number: str) -> Account | None:
    """The customer's account with this number."""
    account = find_account(connection, number)
    return None if account is None or account.internal else account


def require_account(connection: sqlite3.Connection, number: str) -> Account:
    """The account with this number; raises `Refusal` (404)."""
    account = find_account(connection, number)
    if account is None:
        raise Refusal(404, "account_unknown", f"没有账号 {number}")
    return account


def customer_accounts(
    connection: sqlite3.Connection, search: str = "", after: str = "", limit: int = 50
) -> list[Account]:
    """Customers' accounts whose holder or number contains `search`, by number, after the one given."""
    rows = connection.execute(
        "SELECT * FROM account WHERE internal = 0 AND number > ? AND (instr(holder, ?) OR instr(number, ?))"
        " ORDER BY number LIMIT ?",
        (after, search, search, limit),
    )
    return [_account(row) for row in rows]


def internal_accounts(connection: sqlite3.Connection) -> list[Account]:
    """The clearing and the cash account."""
    rows = connection.execute("SELECT * FROM account WHERE internal = 1 ORDER BY number")
    return [_account(row) for row in rows]


def total_fen(connection: sqlite3.Connection) -> int:
    """The sum of all balances, internal accounts included: always zero."""
    row = connection.execute("SELECT coalesce(sum(balance_fen), 0) AS total FROM account").fetchone()
    return int(row["total"])


def same_holder(one: str, other: str) -> bool:
    """Whether two full names are the same, apart from spaces and full-width or half-width forms."""
    return _plain_name(one) == _plain_name(other)


def _plain_name(name: str) -> str:
    return "".join(unicodedata.normalize("NFKC", name).split())


def _account(row: sqlite3.Row) -> Account:
    return Account(row["number"], row["holder"], row["bank_name"], row["balance_fen"], bool(row["internal"]))
