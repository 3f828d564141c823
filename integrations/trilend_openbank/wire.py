"""Signing of requests and checking of answers, as the bank's protocol prescribes."""

import base64
import binascii
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from decimal import Decimal
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from trilend_sdk import HttpRequest, HttpResponse, PluginContext, Terminal


class AnswerNotTrusted(Exception):
    """The answer is not the bank's word: wrongly signed, cut off, or not what the protocol allows."""


@dataclass(frozen=True)
class Answer:
    """What the bank said, its signature checked: the HTTP status and the body's fields."""

    status: int
    fields: Mapping[str, Any]


def signed_request(context: PluginContext, path: str, body: Mapping[str, Any]) -> tuple[HttpRequest, str]:
    """A signed POST and its nonce; raises `Terminal` when the connection's own key is unusable."""
    content = json.dumps(body, ensure_ascii=False).encode()
    timestamp = context.clock().astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    nonce = secrets.token_hex(16)
    text = "\n".join(("POST", path, timestamp, nonce, _digest(content))).encode()
    signature = _private_key(context).sign(text, padding.PKCS1v15(), hashes.SHA256())
    request = HttpRequest(
        method="POST",
        url=str(context.config["base_url"]).rstrip("/") + path,
        headers={
            "Content-Type": "application/json",
            "X-Client-Id": str(context.config["client_id"]),
            "X-Timestamp": timestamp,
            "X-Nonce": nonce,
            "X-Signature": base64.b64encode(signature).decode(),
        },
        content=content,
        trust_pem=str(context.config["trust_pem"]),
    )
    return request, nonce


def checked_answer(context: PluginContext, response: HttpResponse, nonce: str) -> Answer:
    """The answer to the request with this nonce; raises `AnswerNotTrusted`."""
    text = "\n".join((str(response.status), nonce, _digest(response.content))).encode()
    try:
        signature = base64.b64decode(response.headers.get("x-signature", ""), validate=True)
        bank_key(context).verify(signature, text, padding.PKCS1v15(), hashes.SHA256())
        fields = json.loads(response.content, parse_float=Decimal)
    except (InvalidSignature, binascii.Error, ValueError):
        raise AnswerNotTrusted from None
    if not isinstance(fields, dict):
        raise AnswerNotTrusted
    return Answer(response.status, fields)


def bank_key(context: PluginContext) -> rsa.RSAPublicKey:
    """The configured key of the bank; raises `Terminal` when it is none."""
    try:
        key = load_pem_public_key(str(context.config["bank_public_key"]).encode())
    except ValueError:
        key = None
    if not isinstance(key, rsa.RSAPublicKey):
        raise Terminal("银行应答验签公钥不是有效的 RSA 公钥,请在连接设置中更正。", "bank_public_key_invalid")
    return key


def _private_key(context: PluginContext) -> rsa.RSAPrivateKey:
    try:
        key = load_pem_private_key(context.secrets["client_private_key"].encode(), None)
    except (KeyError, TypeError, ValueError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Terminal("我方签名私钥缺失或不是有效的 RSA 私钥,请在连接设置中重新填写。", "client_private_key_invalid")
    return key


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
