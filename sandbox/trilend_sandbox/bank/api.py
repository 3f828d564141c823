"""The open API under /v1: authenticate, meet a fault if one is ordered, carry out, sign the answer."""

import json
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Blueprint, Response, request

from trilend_sandbox.bank.clients import SignedRequest, authenticate, require_own_account
from trilend_sandbox.bank.ledger import entries_after
from trilend_sandbox.bank.money import parse_yuan
from trilend_sandbox.bank.signatures import answer_text, sign
from trilend_sandbox.bank.transfers import Order, find_transfer, place_order
from trilend_sandbox.bank.wire import (
    BalanceBody,
    PingBody,
    StatementBody,
    TransferBody,
    TransferQueryBody,
    balance_answer,
    entry_answer,
    transfer_answer,
)
from trilend_sandbox.house.clock import utc_now, wire_instant
from trilend_sandbox.house.database import Database
from trilend_sandbox.house.errors import Refusal
from trilend_sandbox.house.faults import DROP_CONNECTION, Fault, FaultKind, take_fault
from trilend_sandbox.house.web import parse

Answer = dict[str, Any]
Handler = Callable[[Database, str, bytes], Answer]


def open_api(database: Database, key: rsa.RSAPrivateKey, foreign_key: rsa.RSAPrivateKey) -> Blueprint:
    """The blueprint of /v1; `foreign_key` makes the wrong signatures of a fault."""
    blueprint = Blueprint("open_api", __name__, url_prefix="/v1")

    @blueprint.post("/<path:endpoint>")
    def call(endpoint: str) -> Response:
        received = _received()
        try:
            with database.writing() as connection:
                authenticate(connection, received)
                fault = take_fault(connection, endpoint)
            if fault is not None and fault.kind is FaultKind.ERROR_BEFORE:
                return Response("Internal Server Error", status=500, mimetype="text/plain")
            answer = _carry_out(database, endpoint, received, fault)
            status = 200
        except Refusal as refusal:
            fault = None
            status, answer = refusal.status, {"code": refusal.code, "message": refusal.message}
        content = _content(answer, fault)
        wrongly = fault is not None and fault.kind is FaultKind.WRONG_SIGNATURE
        return _signed(foreign_key if wrongly else key, status, received.nonce, content)

    return blueprint


def _received() -> SignedRequest:
    headers = request.headers
    return SignedRequest(
        method=request.method,
        path=request.full_path.removesuffix("?"),
        client_id=headers.get("X-Client-Id", ""),
        timestamp=headers.get("X-Timestamp", ""),
        nonce=headers.get("X-Nonce", ""),
        signature=headers.get("X-Signature", ""),
        body=request.get_data(),
    )


def _carry_out(database: Database, endpoint: str, received: SignedRequest, fault: Fault | None) -> Answer:
    handler = HANDLERS.get(endpoint)
    if handler is None:
        raise Refusal(404, "endpoint_unknown", "没有这个接口")
    answer = handler(database, received.client_id, received.body)
    match fault.kind if fault else None:
        case FaultKind.DUPLICATE:
            again = handler(database, received.client_id, received.body)
            return _with_repeated_entries(again)
        case FaultKind.DROP_AFTER:
            request.environ[DROP_CONNECTION] = True
        case FaultKind.DELAY:
            time.sleep(fault.seconds if fault else 0)
    return answer


def _with_repeated_entries(answer: Answer) -> Answer:
    if "entries" not in answer:
        return answer
    return answer | {"entries": [entry for entry in answer["entries"] for _ in range(2)]}


def _content(answer: Answer, fault: Fault | None) -> bytes:
    content = json.dumps(answer, ensure_ascii=False).encode()
    return content[: len(content) // 2] if fault is not None and fault.kind is FaultKind.MALFORMED else content


def _signed(key: rsa.RSAPrivateKey, status: int, nonce: str, content: bytes) -> Response:
    response = Response(content, status=status, mimetype="application/json")
    response.headers["X-Signature"] = sign(key, answer_text(status, nonce, content))
    return response


def _transfer(database: Database, client_id: str, body: bytes) -> Answer:
    asked = parse(TransferBody, body)
    amount_fen = parse_yuan(asked.amount)
    if amount_fen == 0:
        raise Refusal(400, "body_invalid", "请求内容不正确:amount")
    order = Order(client_id, asked.idempotency_key, asked.payer, asked.payee.party, amount_fen, asked.purpose)
    with database.writing() as connection:
        require_own_account(connection, client_id, asked.payer)
        return transfer_answer(place_order(connection, order))


def _transfer_query(database: Database, client_id: str, body: bytes) -> Answer:
    asked = parse(TransferQueryBody, body)
    with database.reading() as connection:
        transfer = find_transfer(connection, client_id, asked.idempotency_key)
    if transfer is None:
        return {"idempotency_key": asked.idempotency_key, "status": "not_found", "reference": "", "reason": ""}
    return transfer_answer(transfer)


def _statement(database: Database, client_id: str, body: bytes) -> Answer:
    asked = parse(StatementBody, body)
    with database.reading() as connection:
        require_own_account(connection, client_id, asked.account)
        found = entries_after(connection, asked.account, int(asked.cursor or 0), asked.limit + 1)
    page = found[: asked.limit]
    return {
        "entries": [entry_answer(entry, client_id) for entry in page],
        "cursor": str(page[-1].id) if page else asked.cursor,
        "more": len(found) > len(page),
    }


def _balance(database: Database, client_id: str, body: bytes) -> Answer:
    asked = parse(BalanceBody, body)
    with database.reading() as connection:
        return balance_answer(require_own_account(connection, client_id, asked.account))


def _ping(database: Database, client_id: str, body: bytes) -> Answer:
    parse(PingBody, body)
    return {"client_id": client_id, "at": wire_instant(utc_now())}


HANDLERS: Mapping[str, Handler] = MappingProxyType(
    {
        "transfers": _transfer,
        "transfers/query": _transfer_query,
        "statements": _statement,
        "balances": _balance,
        "ping": _ping,
    }
)
