"""API clients: who they are, whether a request is truly theirs, and which accounts they may use."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trilend_sandbox.bank.accounts import Account, find_customer_account
from trilend_sandbox.bank.signatures import is_signed_by, public_key, request_text
from trilend_sandbox.house.clock import utc_now
from trilend_sandbox.house.errors import Refusal

CLOCK_WINDOW = timedelta(minutes=5)
MAXIMUM_NONCE_LENGTH = 64


@dataclass(frozen=True)
class SignedRequest:
    """A request as it came over the wire."""

    method: str
    path: str
    client_id: str
    timestamp: str
    nonce: str
    signature: str
    body: bytes


def register_client(
    connection: sqlite3.Connection, client_id: str, public_key_pem: str, accounts: Iterable[str]
) -> None:
    """Register a client, or give it another key and other accounts; raises `Refusal`."""
    if not client_id.strip() or not client_id.isascii() or len(client_id) > 64:
        raise Refusal(400, "client_id_invalid", "客户端标识应为 1 至 64 位字母或数字")
    try:
        public_key(public_key_pem)
    except ValueError:
        raise Refusal(400, "public_key_invalid", "公钥应为不少于 2048 位的 RSA 公钥 (PEM)") from None
    connection.execute(
        "INSERT INTO client (client_id, public_key) VALUES (?, ?)"
        " ON CONFLICT (client_id) DO UPDATE SET public_key = excluded.public_key",
        (client_id, public_key_pem),
    )
    connection.execute("DELETE FROM client_account WHERE client_id = ?", (client_id,))
    for number in dict.fromkeys(accounts):
        if find_customer_account(connection, number) is None:
            raise Refusal(404, "account_unknown", f"没有账号 {number}")
        connection.execute("INSERT INTO client_account (client_id, account) VALUES (?, ?)", (client_id, number))


def registered_clients(connection: sqlite3.Connection) -> list[tuple[str, list[str]]]:
    """Client identifiers with the accounts each may use."""
    rows = connection.execute(
        "SELECT client.client_id, coalesce(group_concat(account, ' '), '') AS accounts FROM client"
        " LEFT JOIN client_account USING (client_id) GROUP BY client.client_id ORDER BY client.client_id"
    )
    return [(row["client_id"], row["accounts"].split()) for row in rows]


def authenticate(connection: sqlite3.Connection, request: SignedRequest) -> None:
    """Check client, clock, signature and nonce, in this order, and use the nonce up; raises `Refusal` (401)."""
    row = connection.execute("SELECT public_key FROM client WHERE client_id = ?", (request.client_id,)).fetchone()
    if row is None:
        raise Refusal(401, "client_unknown", "客户端未登记")
    signed_at = _instant(request.timestamp)
    if abs(utc_now() - signed_at) > CLOCK_WINDOW:
        raise Refusal(401, "clock_skew", "请求时间与银行时间相差超过 5 分钟")
    text = request_text(request.method, request.path, request.timestamp, request.nonce, request.body)
    if not is_signed_by(row["public_key"], text, request.signature):
        raise Refusal(401, "signature_invalid", "请求签名不正确")
    _use_nonce(connection, request, signed_at)


def require_own_account(connection: sqlite3.Connection, client_id: str, number: str) -> Account:
    """The account, when this client may use it; raises `Refusal` (403) without telling whether it exists."""
    allowed = connection.execute(
        "SELECT 1 FROM client_account WHERE client_id = ? AND account = ?", (client_id, number)
    ).fetchone()
    account = find_customer_account(connection, number) if allowed else None
    if account is None:
        raise Refusal(403, "account_forbidden", "客户端无权使用该账户")
    return account


def _instant(timestamp: str) -> datetime:
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        raise Refusal(401, "timestamp_invalid", "请求时间格式不正确") from None
    if moment.utcoffset() != timedelta(0):
        raise Refusal(401, "timestamp_invalid", "请求时间须为 UTC")
    return moment


def _use_nonce(connection: sqlite3.Connection, request: SignedRequest, signed_at: datetime) -> None:
    if not 16 <= len(request.nonce) <= MAXIMUM_NONCE_LENGTH:
        raise Refusal(401, "nonce_invalid", "随机数长度应为 16 至 64")
    connection.execute("DELETE FROM nonce WHERE expires_at < ?", (int(utc_now().timestamp()),))
    expires_at = int((signed_at + CLOCK_WINDOW).timestamp()) + 1
    inserted = connection.execute(
        "INSERT OR IGNORE INTO nonce (client_id, nonce, expires_at) VALUES (?, ?, ?)",
        (request.client_id, request.nonce, expires_at),
    ).rowcount
    if not inserted:
        raise Refusal(401, "nonce_seen", "该请求已收到过")
