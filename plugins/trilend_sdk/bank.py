"""Topic `bank/1`: money of one bank account: transfers, batches, direct debits, statements, virtual accounts."""

from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import AwareDatetime, Field, model_validator

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import Kind, hookspec
from trilend_sdk.payload import (
    AccountNumber,
    CallbackAnswer,
    CallbackEvent,
    CallbackRequest,
    CheckResult,
    Effect,
    EffectQuery,
    EffectResult,
    Payload,
    PersonName,
)
from trilend_sdk.values import Amount, Money, Page, PageQuery

API = "bank/1"


class BankAccount(Payload):
    """An account: holder's full name, account number, and where known the bank's name and clearing code (联行号)."""

    holder: PersonName
    number: AccountNumber
    bank_name: str = ""
    bank_code: str = ""


class TransferOrder(Effect):
    """Money to be sent from the connection's own account; `amount` in yuan with at most two decimals."""

    amount: Amount
    payee: BankAccount
    purpose: str = Field(max_length=120)
    urgent: bool = False


class TransferStatus(StrEnum):
    """Where a transfer stands at the bank; `returned` is settled money that came back (退汇)."""

    ACCEPTED = "accepted"
    SETTLED = "settled"
    REJECTED = "rejected"
    RETURNED = "returned"
    NOT_FOUND = "not_found"


class TransferResult(EffectResult):
    """The bank's word on a transfer; `reason` is set when rejected or returned, `settled_on` once settled."""

    status: TransferStatus
    settled_on: date | None = None


class BatchItem(Payload):
    """One transfer of a batch; `item_id` is unique in the batch."""

    item_id: str = Field(min_length=1, max_length=35)
    amount: Amount
    payee: BankAccount
    purpose: str = Field(max_length=120)


class BatchOrder(Effect):
    """Transfers handed in together; `control_sum` is the sum of their amounts in yuan."""

    items: tuple[BatchItem, ...] = Field(min_length=1, max_length=20_000)
    control_sum: Amount
    execute_on: date | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if sum(item.amount for item in self.items) != self.control_sum:
            raise ValueError("control_sum is not the sum of the amounts")
        if len({item.item_id for item in self.items}) != len(self.items):
            raise ValueError("two items have the same item_id")
        return self


class BatchStatus(StrEnum):
    """Where a batch stands; `done` means that every item has its end, settled or rejected."""

    ACCEPTED = "accepted"
    PROCESSING = "processing"
    DONE = "done"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"


class BatchItemResult(Payload):
    """The bank's word on one item of a batch."""

    item_id: str
    status: TransferStatus
    reference: str = ""
    reason_code: str = ""
    reason: str = ""


class BatchResult(EffectResult):
    """The bank's word on a batch and, as far as it has one, on each item; a rejected batch has moved nothing."""

    status: BatchStatus
    items: tuple[BatchItemResult, ...] = ()


class DebitOrder(Effect):
    """Money to be drawn from a customer's account under a mandate (代扣协议) that the customer has signed."""

    mandate: str = Field(min_length=1, max_length=64)
    amount: Amount
    payer: BankAccount
    purpose: str = Field(max_length=120)
    partial: bool = False


class DebitFailure(StrEnum):
    """Why a direct debit failed, in words that the platform acts on."""

    INSUFFICIENT_FUNDS = "insufficient_funds"
    MANDATE_INVALID = "mandate_invalid"
    ACCOUNT_CLOSED = "account_closed"
    ACCOUNT_FROZEN = "account_frozen"
    NAME_MISMATCH = "name_mismatch"
    LIMIT_EXCEEDED = "limit_exceeded"
    REFUSED_BY_PAYER = "refused_by_payer"
    OTHER = "other"


class DebitResult(EffectResult):
    """The bank's word on a direct debit; `amount` is what was drawn, `failure` is set when it was rejected."""

    status: TransferStatus
    amount: Money | None = None
    failure: DebitFailure | None = None
    settled_on: date | None = None


class StatementQuery(PageQuery):
    """Ask for booked entries after a cursor."""


class Direction(StrEnum):
    """Whether money came in or went out, seen from the connection's account."""

    IN = "in"
    OUT = "out"


class StatementEntry(Payload):
    """One booked movement; `amount` is positive, `entry_id` is the bank's own and never used twice.

    `idempotency_key` is set on movements of our own orders, `virtual_account` on money paid to one.
    """

    entry_id: str
    booked_on: date
    booked_at: AwareDatetime
    direction: Direction
    amount: Amount
    balance: Money
    counterparty: BankAccount
    remark: str = ""
    idempotency_key: str = ""
    virtual_account: str = ""


class StatementPage(Page):
    """Entries in the bank's order."""

    entries: tuple[StatementEntry, ...]


class Balance(Payload):
    """Balance in yuan of the connection's account: booked, and where the bank tells it, available."""

    account: BankAccount
    booked: Money
    available: Money | None = None
    at: AwareDatetime


class VirtualAccountOrder(Effect):
    """Open a virtual account (虚拟子账户) under the connection's own, so that money in is known by its number."""

    owner_reference: str = Field(min_length=1, max_length=64)
    name: PersonName
    expected_amount: Amount | None = None
    valid_until: date | None = None


class VirtualAccountClosure(Effect):
    """Close a virtual account; money paid to it later is refused by the bank."""

    number: AccountNumber


class VirtualAccountStatus(StrEnum):
    """Where a virtual account stands."""

    PENDING = "pending"
    OPEN = "open"
    CLOSED = "closed"
    REJECTED = "rejected"
    NOT_FOUND = "not_found"


class VirtualAccount(EffectResult):
    """A virtual account as the bank keeps it; `account` is what a payer needs, set once open."""

    status: VirtualAccountStatus
    owner_reference: str = ""
    account: BankAccount | None = None


class VirtualReceipt(Payload):
    """Money that came in at a virtual account; `receipt_id` is never used twice."""

    receipt_id: str
    virtual_account: AccountNumber
    owner_reference: str
    amount: Amount
    payer: BankAccount
    received_at: AwareDatetime
    entry_id: str = ""
    remark: str = ""


class ReceiptQuery(PageQuery):
    """Ask for receipts after a cursor, of one virtual account or of all."""

    virtual_account: str = ""


class ReceiptPage(Page):
    """Receipts in the bank's order."""

    receipts: tuple[VirtualReceipt, ...]


class BankEvent(CallbackEvent):
    """What the bank told by itself: a result, or a receipt at a virtual account."""

    transfer: TransferResult | None = None
    batch: BatchResult | None = None
    debit: DebitResult | None = None
    receipt: VirtualReceipt | None = None


class BankCallback(Payload):
    """The events of a call-back whose signature is right, and the answer that the bank waits for."""

    events: tuple[BankEvent, ...] = ()
    answer: CallbackAnswer = CallbackAnswer()


class BankHooks:
    """Hooks of topic `bank/1`."""

    @hookspec(deadline=15.0)
    def bank_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without moving money."""
        raise TypeError

    @hookspec(effect="bank_transfer_status")
    def bank_transfer(self, context: PluginContext, order: TransferOrder) -> TransferResult:
        """Send money; a repeated idempotency key must not move money twice."""
        raise TypeError

    @hookspec()
    def bank_transfer_status(self, context: PluginContext, query: EffectQuery) -> TransferResult:
        """Tell where a transfer stands; `not_found` only when the bank is sure that it has none."""
        raise TypeError

    @hookspec(effect="bank_batch_status", optional=True, deadline=60.0)
    def bank_batch(self, context: PluginContext, order: BatchOrder) -> BatchResult:
        """Hand in a batch of transfers; the items settle or fail each for itself."""
        raise TypeError

    @hookspec(optional=True, deadline=60.0)
    def bank_batch_status(self, context: PluginContext, query: EffectQuery) -> BatchResult:
        """Tell where a batch and its items stand."""
        raise TypeError

    @hookspec(effect="bank_debit_status", optional=True)
    def bank_debit(self, context: PluginContext, order: DebitOrder) -> DebitResult:
        """Draw money from a customer's account under a mandate."""
        raise TypeError

    @hookspec(optional=True)
    def bank_debit_status(self, context: PluginContext, query: EffectQuery) -> DebitResult:
        """Tell where a direct debit stands."""
        raise TypeError

    @hookspec()
    def bank_statement(self, context: PluginContext, query: StatementQuery) -> StatementPage:
        """Read booked entries after a cursor, oldest first, each exactly once over all pages."""
        raise TypeError

    @hookspec()
    def bank_balance(self, context: PluginContext) -> Balance:
        """Read the balance of the connection's account."""
        raise TypeError

    @hookspec(effect="bank_virtual_status", optional=True)
    def bank_virtual_open(self, context: PluginContext, order: VirtualAccountOrder) -> VirtualAccount:
        """Open a virtual account under the connection's own."""
        raise TypeError

    @hookspec(effect="bank_virtual_status", optional=True)
    def bank_virtual_close(self, context: PluginContext, order: VirtualAccountClosure) -> VirtualAccount:
        """Close a virtual account; closing a closed one changes nothing."""
        raise TypeError

    @hookspec(optional=True)
    def bank_virtual_status(self, context: PluginContext, query: EffectQuery) -> VirtualAccount:
        """Tell what became of the opening or closing with this key."""
        raise TypeError

    @hookspec(optional=True)
    def bank_virtual_receipts(self, context: PluginContext, query: ReceiptQuery) -> ReceiptPage:
        """Read money received at virtual accounts, oldest first, each exactly once over all pages."""
        raise TypeError

    @hookspec(kind=Kind.CALLBACK, optional=True)
    def bank_callback(self, context: PluginContext, request: CallbackRequest) -> BankCallback:
        """Check a call-back's signature and tell what it says; raises `CallbackRefused`."""
        raise TypeError


SPECIFICATION = BankHooks
