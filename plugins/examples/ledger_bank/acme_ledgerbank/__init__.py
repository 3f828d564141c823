"""A complete `bank/1` plugin for the imaginary ledger bank; README.md beside this package holds its protocol."""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

from trilend_sdk import HttpRequest, OutcomeUnknown, PluginContext, PluginError, Retryable, Terminal, hookimpl
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


class LedgerBank:
    """Keeps nothing between calls: all it needs is in the context."""

    @hookimpl
    def bank_transfer(self, context: PluginContext, order: TransferOrder) -> TransferResult:
        """PUT names the transfer by its key, so that the bank sees a repetition as the same transfer."""
        body = {
            "amount": f"{order.amount:.2f}",
            "payee": order.payee.model_dump(include={"holder", "number", "bank_name"}),
            "purpose": order.purpose,
        }
        status, answer = _send(context, "PUT", _transfer_path(order.idempotency_key), body, doubt=OutcomeUnknown)
        if status != 200:
            raise Terminal(f"The bank refused: {answer.get('reason', status)}", "bank_refused")
        return _result(order.idempotency_key, answer, doubt=OutcomeUnknown)

    @hookimpl
    def bank_transfer_status(self, context: PluginContext, query: EffectQuery) -> TransferResult:
        """A 404 with the bank's own words is sure; a 404 of something in between would be no JSON, and so a doubt."""
        status, answer = _ask(context, _transfer_path(query.idempotency_key), also=(404,))
        if status == 404:
            return TransferResult(idempotency_key=query.idempotency_key, status=TransferStatus.NOT_FOUND)
        return _result(query.idempotency_key, answer, doubt=Retryable)

    @hookimpl
    def bank_statement(self, context: PluginContext, query: StatementQuery) -> StatementPage:
        """The bank's cursor is passed through."""
        _, answer = _ask(context, "/entries?" + urlencode({"after": query.cursor, "limit": query.limit}))
        try:
            entries = tuple(StatementEntry.model_validate(entry) for entry in answer["entries"])
            return StatementPage(entries=entries, cursor=answer["next"], more=answer["more"])
        except (KeyError, TypeError, ValueError) as error:
            raise _nonsense(Retryable) from error

    @hookimpl
    def bank_balance(self, context: PluginContext) -> Balance:
        """Account and balance come in one answer."""
        _, answer = _ask(context, "/account")
        try:
            account = BankAccount(holder=answer["holder"], number=answer["number"], bank_name="Ledger Bank")
            return Balance(account=account, booked=Decimal(answer["balance"]), at=context.clock())
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise _nonsense(Retryable) from error

    @hookimpl
    def bank_check(self, context: PluginContext) -> CheckResult:
        """A failed test is a result with a sentence for the person who pressed the button."""
        try:
            balance = self.bank_balance(context)
        except PluginError as error:
            return CheckResult(ok=False, message=error.message)
        return CheckResult(ok=True, message=f"Connected to the account of {balance.account.holder}.")


PLUGIN = LedgerBank()


def _transfer_path(key: str) -> str:
    return f"/transfers/{quote(key, safe='')}"


def _result(key: str, answer: Mapping[str, Any], *, doubt: type[PluginError]) -> TransferResult:
    try:
        state = TransferStatus(answer["state"])
        return TransferResult(idempotency_key=key, status=state, reference=answer["reference"], reason=answer["reason"])
    except (KeyError, TypeError, ValueError) as error:
        raise _nonsense(doubt) from error


def _ask(context: PluginContext, path: str, also: tuple[int, ...] = ()) -> tuple[int, Mapping[str, Any]]:
    """Read: nothing happens outside, so every doubt may be asked again."""
    try:
        status, answer = _send(context, "GET", path, None, doubt=Retryable)
    except OutcomeUnknown as lost:
        raise Retryable(lost.message, "answer_lost") from lost
    if status not in (200, *also):
        raise Terminal(f"The bank refused: {answer.get('reason', status)}", "bank_refused")
    return status, answer


def _send(
    context: PluginContext, method: str, path: str, body: Mapping[str, Any] | None, *, doubt: type[PluginError]
) -> tuple[int, Mapping[str, Any]]:
    """One exchange; `doubt` is raised when the answer does not tell what the bank did."""
    request = HttpRequest(
        method=method,
        url=context.config["base_url"] + path,
        headers={"Authorization": f"Bearer {context.secrets['token']}", "Content-Type": "application/json"},
        content=json.dumps(body).encode() if body is not None else b"",
        trust_pem=context.config.get("trust_pem"),
    )
    answer = context.http.send(request)
    try:
        fields = json.loads(answer.content)
    except ValueError as error:
        raise _nonsense(doubt) from error
    if answer.status >= 500 or not isinstance(fields, dict):
        raise _nonsense(doubt)
    return answer.status, fields


def _nonsense(doubt: type[PluginError]) -> PluginError:
    return doubt("The bank's answer could not be understood.", "bad_answer")
