"""Run in a process of its own: finds the installed example plugin and calls its hooks through the host."""

import json
import sys
from decimal import Decimal

from trilend.plugin_host.catalogue import installed
from trilend.plugin_host.dispatcher import Target, call
from trilend_sdk.bank import Balance, BankAccount, StatementPage, StatementQuery, TransferOrder, TransferResult
from trilend_sdk.errors import Terminal
from trilend_sdk.payload import CheckResult, EffectQuery

IDENTITY = "acme/ledgerbank"
base_url, ca_pem, token = sys.argv[1:]
found = installed()[IDENTITY]
config = {"base_url": base_url, "trust_pem": ca_pem}
where = Target(1, IDENTITY, config, {"token": token})
wrong = Target(2, IDENTITY, config, {"token": "guessed"})
elsewhere = Target(3, IDENTITY, config | {"base_url": base_url.replace("https", "http")}, {"token": token})
payee = BankAccount(holder="曾丽", number="62220001")
order = TransferOrder(idempotency_key="T-DK26000001-1", amount=Decimal("1200.5"), payee=payee, purpose="放款")
lost = order.model_copy(update={"idempotency_key": "T-DK26000002-1", "payee": BankAccount(holder="无", number="0" * 8)})


def refusal(target: Target, bad: TransferOrder) -> str:
    try:
        call(target, "bank_transfer", TransferResult, order=bad)
    except Terminal as error:
        return error.message
    return "not refused"


def status(key: str) -> str:
    return call(where, "bank_transfer_status", TransferResult, query=EffectQuery(idempotency_key=key)).status.value


json.dump(
    {
        "manifest": [found.identity, found.manifest.version, list(found.manifest.api)],
        "check": call(where, "bank_check", CheckResult).model_dump(),
        "check with a wrong token": call(wrong, "bank_check", CheckResult).model_dump(),
        "unknown before": status(order.idempotency_key),
        "transfers": [
            call(where, "bank_transfer", TransferResult, order=order).model_dump(mode="json") for _ in range(2)
        ],
        "known after": status(order.idempotency_key),
        "refused": refusal(where, lost),
        "refused leaves": status(lost.idempotency_key),
        "not https": refusal(elsewhere, order),
        "balance": call(where, "bank_balance", Balance).model_dump(mode="json", exclude={"at"}),
        "statement": call(where, "bank_statement", StatementPage, query=StatementQuery()).model_dump(mode="json"),
    },
    sys.stdout,
)
