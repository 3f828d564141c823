"""The hooks of topic `bank/1`, carried out over the bank's open API."""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from trilend_openbank.exchange import ask, send_order, untrusted
from trilend_openbank.wire import Answer
from trilend_sdk import OutcomeUnknown, PluginContext, PluginError, Retryable, hookimpl
from trilend_sdk.bank import (
    Balance,
    BankAccount,
    StatementEntry,
    StatementPage,
    StatementQuery,
    TransferOrder,
    TransferResult,
    TransferStatus,
)
from trilend_sdk.payload import CheckResult, EffectQuery

# The words that the protocol has; it knows no returned transfers.
_STATUSES = frozenset(TransferStatus) - {TransferStatus.RETURNED}
_YUAN = re.compile(r"-?[0-9]{1,16}\.[0-9]{2}")


class OpenBank:
    """Transfers, statements and balances of the connection's account; keeps no state between calls."""

    @hookimpl
    def bank_transfer(self, context: PluginContext, order: TransferOrder) -> TransferResult:
        """Send money once per idempotency key."""
        return _transfer(context, order)

    @hookimpl
    def bank_transfer_status(self, context: PluginContext, query: EffectQuery) -> TransferResult:
        """Ask the bank where a transfer stands."""
        answer = ask(context, "/v1/transfers/query", {"idempotency_key": query.idempotency_key})
        return _transfer_result(answer, query.idempotency_key, Retryable, _STATUSES)

    @hookimpl
    def bank_statement(self, context: PluginContext, query: StatementQuery) -> StatementPage:
        """Read booked entries after the cursor; an entry the bank sent twice on a page is kept once."""
        account = context.config["account_number"]
        body = {"account": account, "cursor": query.cursor, "limit": query.limit}
        answer = ask(context, "/v1/statements", body)
        try:
            return _statement_page(answer.fields)
        except (KeyError, TypeError, ValueError):
            raise untrusted(Retryable) from None

    @hookimpl
    def bank_balance(self, context: PluginContext) -> Balance:
        """Read the booked balance."""
        number = context.config["account_number"]
        answer = ask(context, "/v1/balances", {"account": number})
        try:
            balance = Balance(
                account=_account(answer.fields["account"]),
                booked=_yuan(answer.fields["balance"]),
                at=_instant(answer.fields["at"]),
            )
        except (KeyError, TypeError, ValueError):
            raise untrusted(Retryable) from None
        if balance.account.number != number:
            raise untrusted(Retryable)
        return balance

    @hookimpl
    def bank_check(self, context: PluginContext) -> CheckResult:
        """See that keys and clocks agree, and that the account is ours and in the name that was entered."""
        try:
            ask(context, "/v1/ping", {})
            balance = self.bank_balance(context)
        except PluginError as error:
            return CheckResult(ok=False, message=error.message)
        if balance.account.holder != context.config["account_holder"]:
            return CheckResult(ok=False, message="连接正常,但账户户名与银行登记的户名不一致,请更正。")
        number = balance.account.number
        return CheckResult(ok=True, message=f"连接正常,账户尾号 {number[-4:]},密钥与时钟均已核对。")


def _transfer(context: PluginContext, order: TransferOrder) -> TransferResult:
    body = {
        "idempotency_key": order.idempotency_key,
        "from": context.config["account_number"],
        "to": order.payee.model_dump(include={"holder", "number", "bank_name"}),
        "amount": f"{order.amount:.2f}",
        "purpose": order.purpose,
    }
    answer = send_order(context, "/v1/transfers", body)
    return _transfer_result(answer, order.idempotency_key, OutcomeUnknown, _STATUSES - {TransferStatus.NOT_FOUND})


def _transfer_result(
    answer: Answer, idempotency_key: str, doubt: type[PluginError], allowed: frozenset[TransferStatus]
) -> TransferResult:
    try:
        result = TransferResult(
            idempotency_key=answer.fields["idempotency_key"],
            status=TransferStatus(answer.fields["status"]),
            reference=answer.fields["reference"],
            reason=answer.fields["reason"],
        )
    except (KeyError, TypeError, ValueError):
        raise untrusted(doubt) from None
    if result.idempotency_key != idempotency_key or result.status not in allowed:
        raise untrusted(doubt)
    return result


def _statement_page(fields: Mapping[str, Any]) -> StatementPage:
    entries = {entry["entry_id"]: _statement_entry(entry) for entry in fields["entries"]}
    return StatementPage(entries=tuple(entries.values()), cursor=fields["cursor"], more=fields["more"])


def _statement_entry(fields: Mapping[str, Any]) -> StatementEntry:
    return StatementEntry(
        entry_id=fields["entry_id"],
        booked_on=fields["booked_on"],
        booked_at=_instant(fields["booked_at"]),
        direction=fields["direction"],
        amount=_yuan(fields["amount"]),
        balance=_yuan(fields["balance"]),
        counterparty=_account(fields["counterparty"]),
        remark=fields["remark"],
        idempotency_key=fields["idempotency_key"],
    )


def _account(fields: Mapping[str, Any]) -> BankAccount:
    return BankAccount(holder=fields["holder"], number=fields["number"], bank_name=fields["bank_name"])


def _yuan(text: object) -> Decimal:
    """An amount as the protocol writes it; raises `ValueError`."""
    if not isinstance(text, str) or _YUAN.fullmatch(text) is None:
        raise ValueError(text)
    return Decimal(text)


def _instant(text: object) -> datetime:
    """An instant with its offset; raises `ValueError`."""
    moment = datetime.fromisoformat(str(text))
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment
