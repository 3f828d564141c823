"""The bodies of the open API's requests, and how the bank writes its answers."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from trilend_sandbox.bank.accounts import Account, Party
from trilend_sandbox.bank.ledger import Entry
from trilend_sandbox.bank.money import format_yuan
from trilend_sandbox.bank.transfers import Transfer
from trilend_sandbox.house.clock import utc_now, wire_instant

IdempotencyKey = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[!-~]+$")]
AccountNumber = Annotated[str, Field(pattern=r"^[0-9][0-9-]{5,33}$")]
MAXIMUM_PAGE = 1000


class Body(BaseModel):
    """A request body: unknown fields are refused, numbers are not taken for text."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Payee(Body):
    """Who is to be paid."""

    holder: str = Field(min_length=1, max_length=120)
    number: AccountNumber
    bank_name: str = Field(default="", max_length=120)

    @property
    def party(self) -> Party:
        """The payee as one side of a movement."""
        return Party(self.holder, self.number, self.bank_name)


class TransferBody(Body):
    """`POST /v1/transfers`."""

    idempotency_key: IdempotencyKey
    payer: AccountNumber = Field(alias="from")
    payee: Payee = Field(alias="to")
    amount: str = Field(pattern=r"^(0|[1-9][0-9]{0,12})\.[0-9]{2}$")
    purpose: str = Field(default="", max_length=120)


class TransferQueryBody(Body):
    """`POST /v1/transfers/query`."""

    idempotency_key: IdempotencyKey


class StatementBody(Body):
    """`POST /v1/statements`."""

    account: AccountNumber
    cursor: str = Field(default="", pattern=r"^[0-9]{0,18}$")
    limit: int = Field(default=200, ge=1, le=MAXIMUM_PAGE)


class BalanceBody(Body):
    """`POST /v1/balances`."""

    account: AccountNumber


class PingBody(Body):
    """`POST /v1/ping`."""


def transfer_answer(transfer: Transfer) -> dict[str, Any]:
    """The bank's word on a transfer."""
    return {
        "idempotency_key": transfer.order.idempotency_key,
        "status": transfer.status,
        "reference": transfer.reference,
        "reason": transfer.reason,
    }


def entry_answer(entry: Entry, client_id: str) -> dict[str, Any]:
    """One line of a statement as this client may see it: the keys of other clients' orders are theirs."""
    return {
        "entry_id": entry.entry_id,
        "booked_on": entry.booked_on,
        "booked_at": entry.booked_at,
        "direction": entry.direction,
        "amount": format_yuan(entry.amount_fen),
        "balance": format_yuan(entry.balance_fen),
        "counterparty": {
            "holder": entry.counterparty.holder,
            "number": entry.counterparty.number,
            "bank_name": entry.counterparty.bank_name,
        },
        "remark": entry.remark,
        "idempotency_key": entry.idempotency_key if entry.client_id == client_id else "",
    }


def balance_answer(account: Account) -> dict[str, Any]:
    """The booked balance of an account at this moment."""
    return {
        "account": {"holder": account.holder, "number": account.number, "bank_name": account.bank_name},
        "balance": format_yuan(account.balance_fen),
        "at": wire_instant(utc_now()),
    }
