"""Topics `bank/1` and `finance/1` on paper."""

from decimal import Decimal

from acme_paperdesk.drawer import append, listed, once, page, recall, stamped
from trilend_sdk import CallbackRequest, CheckResult, EffectQuery, PluginContext, Terminal, hookimpl
from trilend_sdk.bank import (
    Balance,
    BankAccount,
    BankCallback,
    BankEvent,
    BatchItemResult,
    BatchOrder,
    BatchResult,
    BatchStatus,
    DebitOrder,
    DebitResult,
    Direction,
    ReceiptPage,
    ReceiptQuery,
    StatementEntry,
    StatementPage,
    StatementQuery,
    TransferOrder,
    TransferResult,
    TransferStatus,
    VirtualAccount,
    VirtualAccountClosure,
    VirtualAccountOrder,
    VirtualAccountStatus,
    VirtualReceipt,
)
from trilend_sdk.finance import (
    AccountPage,
    AccountsQuery,
    FinanceAccount,
    ImportFile,
    PostedVoucher,
    PostingResult,
    PostingStatus,
    Voucher,
    VoucherBatch,
    VoucherPage,
    VoucherQuery,
    VoucherResult,
)

OPENING = Decimal("1000000.00")
CHART = [
    FinanceAccount(code="1002", name="银行存款", debit=True),
    FinanceAccount(code="1303", name="贷款", debit=True),
    FinanceAccount(code="6011", name="利息收入", debit=False),
]


class Money:
    """The hooks of `bank/1` and `finance/1`."""

    @hookimpl
    def bank_check(self) -> CheckResult:
        """Nothing can be wrong with paper."""
        return CheckResult(ok=True, message="The drawer opens.")

    @hookimpl
    def bank_transfer(self, context: PluginContext, order: TransferOrder) -> TransferResult:
        """Write the entry once, however often the order comes."""

        def settle(reference: str) -> TransferResult:
            if reference:
                _book(context, order, reference)
            return TransferResult(
                idempotency_key=order.idempotency_key, reference=reference, status=TransferStatus.SETTLED
            )

        return once(context, "bank_transfer", order.idempotency_key, settle)

    @hookimpl
    def bank_transfer_status(self, context: PluginContext, query: EffectQuery) -> TransferResult:
        """The drawer is sure of what it does not hold."""
        nothing = TransferResult(idempotency_key=query.idempotency_key, status=TransferStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, TransferResult) or nothing

    @hookimpl
    def bank_batch(self, context: PluginContext, order: BatchOrder) -> BatchResult:
        """Every item settles at once."""
        items = tuple(BatchItemResult(item_id=item.item_id, status=TransferStatus.SETTLED) for item in order.items)
        return once(
            context,
            "bank_batch",
            order.idempotency_key,
            lambda reference: BatchResult(
                idempotency_key=order.idempotency_key, reference=reference, status=BatchStatus.DONE, items=items
            ),
        )

    @hookimpl
    def bank_batch_status(self, context: PluginContext, query: EffectQuery) -> BatchResult:
        """The items come with the batch."""
        nothing = BatchResult(idempotency_key=query.idempotency_key, status=BatchStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, BatchResult) or nothing

    @hookimpl
    def bank_debit(self, context: PluginContext, order: DebitOrder) -> DebitResult:
        """The customer always has enough."""
        return once(
            context,
            "bank_debit",
            order.idempotency_key,
            lambda reference: DebitResult(
                idempotency_key=order.idempotency_key,
                reference=reference,
                status=TransferStatus.SETTLED,
                amount=order.amount,
            ),
        )

    @hookimpl
    def bank_debit_status(self, context: PluginContext, query: EffectQuery) -> DebitResult:
        """As of a transfer."""
        nothing = DebitResult(idempotency_key=query.idempotency_key, status=TransferStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, DebitResult) or nothing

    @hookimpl
    def bank_statement(self, context: PluginContext, query: StatementQuery) -> StatementPage:
        """The cursor is the number of entries read."""
        entries, cursor, more = page(listed(context, "entries", StatementEntry), query.cursor, query.limit)
        return StatementPage(entries=entries, cursor=cursor, more=more)

    @hookimpl
    def bank_balance(self, context: PluginContext) -> Balance:
        """What the last entry left."""
        entries = listed(context, "entries", StatementEntry)
        account = BankAccount(holder=context.config["holder"], number="1000001")
        return Balance(account=account, booked=entries[-1].balance if entries else OPENING, at=context.clock())

    @hookimpl
    def bank_virtual_open(self, context: PluginContext, order: VirtualAccountOrder) -> VirtualAccount:
        """The number is made of the owner's reference."""
        account = BankAccount(holder=order.name, number=f"V{order.owner_reference}"[:40])
        made = once(
            context,
            "bank_virtual_open",
            order.idempotency_key,
            lambda reference: VirtualAccount(
                idempotency_key=order.idempotency_key,
                reference=reference,
                status=VirtualAccountStatus.OPEN,
                owner_reference=order.owner_reference,
                account=account,
            ),
        )
        context.store.put(f"virtual {account.number}", b"open")
        return made

    @hookimpl
    def bank_virtual_close(self, context: PluginContext, order: VirtualAccountClosure) -> VirtualAccount:
        """Only an account that was opened can be closed."""
        if context.store.get(f"virtual {order.number}") is None:
            raise Terminal("There is no such virtual account.", "account_unknown")
        return once(
            context,
            "bank_virtual_close",
            order.idempotency_key,
            lambda reference: VirtualAccount(
                idempotency_key=order.idempotency_key, reference=reference, status=VirtualAccountStatus.CLOSED
            ),
        )

    @hookimpl
    def bank_virtual_status(self, context: PluginContext, query: EffectQuery) -> VirtualAccount:
        """Openings and closings lie in the same drawer."""
        nothing = VirtualAccount(idempotency_key=query.idempotency_key, status=VirtualAccountStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, VirtualAccount) or nothing

    @hookimpl
    def bank_virtual_receipts(self, context: PluginContext, query: ReceiptQuery) -> ReceiptPage:
        """Nobody pays on paper unless a call-back said so."""
        receipts, cursor, more = page(listed(context, "receipts", VirtualReceipt), query.cursor, query.limit)
        return ReceiptPage(receipts=receipts, cursor=cursor, more=more)

    @hookimpl
    def bank_callback(self, context: PluginContext, request: CallbackRequest) -> BankCallback:
        """The stamp is checked before anything is read."""
        return BankCallback(events=(BankEvent.model_validate_json(stamped(context, request)),))

    @hookimpl
    def finance_check(self) -> CheckResult:
        """The books lie in the drawer."""
        return CheckResult(ok=True, message="The books are here.")

    @hookimpl
    def finance_accounts(self, query: AccountsQuery) -> AccountPage:
        """A short chart."""
        accounts, cursor, more = page(CHART, query.cursor, query.limit)
        return AccountPage(accounts=accounts, cursor=cursor, more=more)

    @hookimpl
    def finance_post(self, context: PluginContext, batch: VoucherBatch) -> PostingResult:
        """Each voucher is written once under its own key, whatever batch it comes in."""
        posted = tuple(_post(context, voucher) for voucher in batch.vouchers)
        return once(
            context,
            "finance_post",
            batch.idempotency_key,
            lambda reference: PostingResult(
                idempotency_key=batch.idempotency_key,
                reference=reference,
                status=PostingStatus.POSTED,
                vouchers=posted,
            ),
        )

    @hookimpl
    def finance_post_status(self, context: PluginContext, query: EffectQuery) -> PostingResult:
        """The numbers were kept with the batch."""
        nothing = PostingResult(idempotency_key=query.idempotency_key, status=PostingStatus.NOT_FOUND)
        return recall(context, query.idempotency_key, PostingResult) or nothing

    @hookimpl
    def finance_vouchers(self, context: PluginContext, query: VoucherQuery) -> VoucherPage:
        """By day, and by key where keys are given."""
        fitting = [
            voucher
            for voucher in listed(context, "vouchers", PostedVoucher)
            if query.from_date <= voucher.posted_on <= query.to_date
            and (not query.keys or voucher.idempotency_key in query.keys)
        ]
        vouchers, cursor, more = page(fitting, query.cursor, query.limit)
        return VoucherPage(vouchers=vouchers, cursor=cursor, more=more)

    @hookimpl
    def finance_import_file(self, batch: VoucherBatch) -> ImportFile:
        """One line of text for each line of a voucher."""
        rows = [
            f"{voucher.posted_on},{voucher.word},{line.account},{line.summary},{line.debit},{line.credit}"
            for voucher in batch.vouchers
            for line in voucher.lines
        ]
        return ImportFile(file_name="vouchers.csv", media_type="text/csv", content="\n".join(rows).encode())


def _book(context: PluginContext, order: TransferOrder, reference: str) -> None:
    entries = listed(context, "entries", StatementEntry)
    before = entries[-1].balance if entries else OPENING
    entry = StatementEntry(
        entry_id=reference,
        booked_on=context.clock().date(),
        booked_at=context.clock(),
        direction=Direction.OUT,
        amount=order.amount,
        balance=before - order.amount,
        counterparty=order.payee,
        remark=order.purpose,
        idempotency_key=order.idempotency_key,
    )
    append(context, "entries", entry)


def _post(context: PluginContext, voucher: Voucher) -> VoucherResult:
    def write(reference: str) -> VoucherResult:
        number = str(len(listed(context, "vouchers", PostedVoucher)) + 1)
        if reference:
            append(
                context,
                "vouchers",
                PostedVoucher(
                    number=number,
                    period=f"{voucher.posted_on:%Y-%m}",
                    posted_on=voucher.posted_on,
                    word=voucher.word,
                    lines=voucher.lines,
                    idempotency_key=voucher.idempotency_key,
                ),
            )
        return VoucherResult(
            idempotency_key=voucher.idempotency_key, reference=reference, status=PostingStatus.POSTED, number=number
        )

    return once(context, "voucher", voucher.idempotency_key, write)
