"""A running sandbox bank, and a client that speaks its protocol from PROTOCOL.md alone."""

import base64
import hashlib
import json
import secrets
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from trilend_sandbox.bank.process import BankProcess


@dataclass
class ApiClient:
    """Signs requests with its key and checks the bank's signature on every answer."""

    bank: BankProcess
    client_id: str
    key: rsa.RSAPrivateKey
    http: httpx.Client

    def call(self, endpoint: str, body: object, **headers: str) -> httpx.Response:
        content = json.dumps(body).encode()
        signed = self.headers(f"/v1/{endpoint}", content) | headers
        answer = self.http.post(f"/v1/{endpoint}", content=content, headers=signed)
        text = f"{answer.status_code}\n{signed['X-Nonce']}\n{hashlib.sha256(answer.content).hexdigest()}"
        bank_key = load_pem_public_key(self.bank.admin.public_key().encode())
        assert isinstance(bank_key, rsa.RSAPublicKey)
        signature = base64.b64decode(answer.headers["X-Signature"])
        bank_key.verify(signature, text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return answer

    def headers(self, path: str, content: bytes) -> dict[str, str]:
        timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        nonce = secrets.token_hex(16)
        text = f"POST\n{path}\n{timestamp}\n{nonce}\n{hashlib.sha256(content).hexdigest()}"
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return {
            "X-Client-Id": self.client_id,
            "X-Timestamp": timestamp,
            "X-Nonce": nonce,
            "X-Signature": base64.b64encode(signature).decode(),
        }

    def public_pem(self) -> str:
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BankProcess]:
    with BankProcess(tmp_path_factory.mktemp("bank")) as running:
        yield running


@pytest.fixture
def http(bank: BankProcess) -> Iterator[httpx.Client]:
    tls = ssl.create_default_context(cafile=str(bank.ca_pem))
    with httpx.Client(base_url=bank.base_url, verify=tls, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def client_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def account(bank: BankProcess) -> str:
    """A company's account with 1,000.00."""
    return str(bank.admin.open_account("江南小额贷款有限公司", "1000.00")["number"])


@pytest.fixture
def client(bank: BankProcess, http: httpx.Client, client_key: rsa.RSAPrivateKey, account: str) -> ApiClient:
    """A client registered for the company's account."""
    registered = ApiClient(bank, "company", client_key, http)
    bank.admin.register_client(registered.client_id, registered.public_pem(), [account])
    return registered


@pytest.fixture
def transfer(account: str) -> Callable[..., dict[str, Any]]:
    """The body of a transfer of 100.00 to another bank, with changes."""

    def body(**changes: Any) -> dict[str, Any]:
        payee = {"holder": "李四", "number": "6222020200112230000", "bank_name": "工商银行"}
        plain = {"from": account, "to": payee, "amount": "100.00", "purpose": "放款"}
        return {"idempotency_key": f"key-{account}", **plain, **changes}

    return body


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "bank"
