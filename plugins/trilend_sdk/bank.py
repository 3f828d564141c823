"""Topic `bank/1`: transfers out, their status, statements and balances of one bank account relation."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import hookspec
from trilend_sdk.payload import CheckResult, Payload


class BankAccount(Payload):
    """An account at a bank: holder's full name and account number, and the bank's name where known."""

    holder: str = Field(min_length=1)
    number: str = Field(min_length=1)
    bank_name: str = ""


class TransferOrder(Payload):
    """Money to be sent from the connection's own account; `amount` in yuan with at most two decimals."""

    idempotency_key: str = Field(min_length=8, max_length=64)
    amount: Decimal = Field(gt=0, decimal_places=2, max_digits=18)
    payee: BankAccount
    purpose: str = Field(max_length=120)


class TransferStatus(StrEnum):
    """Where a transfer stands at the bank."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"


class TransferResult(Payload):
    """The bank's word on a transfer; `reason` is set when rejected, `bank_reference` once the bank gave one."""

    idempotency_key: str
    status: TransferStatus
    bank_reference: str = ""
    reason: str = ""


class StatementQuery(Payload):
    """Ask for entries after `cursor` (an earlier page's, or empty for the beginning), at most `limit`."""

    cursor: str = ""
    limit: int = Field(default=200, ge=1, le=1000)


class Direction(StrEnum):
    """Whether money came in or went out, seen from the connection's account."""

    IN = "in"
    OUT = "out"


class StatementEntry(Payload):
    """One booked movement; `amount` is positive, `entry_id` is the bank's own and never used twice."""

    entry_id: str
    booked_on: date
    booked_at: datetime
    direction: Direction
    amount: Decimal
    balance: Decimal
    counterparty: BankAccount
    remark: str = ""
    idempotency_key: str = ""


class StatementPage(Payload):
    """Entries in the bank's order; pass `cursor` to go on; `more` says that further entries wait already."""

    entries: tuple[StatementEntry, ...]
    cursor: str
    more: bool


class Balance(Payload):
    """Booked balance in yuan of the connection's account."""

    account: BankAccount
    booked: Decimal
    at: datetime


class BankHooks:
    """Hooks of topic `bank/1`."""

    @hookspec(firstresult=True)
    def bank_transfer(self, context: PluginContext, order: TransferOrder) -> TransferResult:
        """Send money; a repeated idempotency key must not move money twice."""
        raise TypeError

    @hookspec(firstresult=True)
    def bank_transfer_status(self, context: PluginContext, idempotency_key: str) -> TransferResult:
        """Tell where the transfer with this key stands; `not_found` only when the bank is sure it has none."""
        raise TypeError

    @hookspec(firstresult=True)
    def bank_statement(self, context: PluginContext, query: StatementQuery) -> StatementPage:
        """Read booked entries after a cursor, oldest first, each exactly once over all pages."""
        raise TypeError

    @hookspec(firstresult=True)
    def bank_balance(self, context: PluginContext) -> Balance:
        """Read the booked balance of the connection's account."""
        raise TypeError

    @hookspec(firstresult=True)
    def bank_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without moving money."""
        raise TypeError


SPECIFICATION = BankHooks
