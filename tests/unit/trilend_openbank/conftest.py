"""A real sandbox bank over HTTPS, a small real HTTP client, and the plugin's connection between them."""

import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from trilend_openbank import PLUGIN
from trilend_sandbox.bank.process import BankProcess
from trilend_sdk import HttpRequest, HttpResponse, OutcomeUnknown, PluginContext, Retryable, Terminal
from trilend_sdk.bank import BankAccount, TransferOrder
from trilend_sdk.payload import EffectQuery

CLIENT_ID = "trilend-test"
HOLDER = "江南小额贷款有限公司"


class TestHttpClient:
    """`trilend_sdk.HttpClient` on httpx: allowed hosts only, no redirects, the given authority only."""

    __test__ = False

    def __init__(self, allowed_host: str) -> None:
        self._allowed_host = allowed_host
        self.deliveries = 1
        self.sent: list[HttpRequest] = []

    def send(self, request: HttpRequest) -> HttpResponse:
        if urlsplit(request.url).netloc != self._allowed_host:
            raise Terminal("address not allowed")
        self.sent.append(request)
        tls = ssl.create_default_context(cadata=request.trust_pem)
        with httpx.Client(verify=tls, timeout=request.timeout_seconds, trust_env=False) as client:
            for _ in range(self.deliveries):
                answer = self._deliver(client, request)
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return HttpResponse(answer.status_code, headers, answer.content)

    def _deliver(self, client: httpx.Client, request: HttpRequest) -> httpx.Response:
        try:
            return client.request(request.method, request.url, headers=dict(request.headers), content=request.content)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise Retryable("no connection") from None
        except httpx.HTTPError:
            raise OutcomeUnknown("no whole answer") from None


@dataclass
class RecordingLog:
    """Keeps what was logged."""

    events: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **values: Any) -> None:
        self.events.append((event, values))

    def warning(self, event: str, **values: Any) -> None:
        self.events.append((event, values))


@dataclass
class Connection:
    """A tenant's connection to the bank: the plugin's hooks with their context bound."""

    bank: BankProcess
    context: PluginContext
    http: TestHttpClient
    account: str
    log: RecordingLog

    def __getattr__(self, hook: str) -> Callable[..., Any]:
        return lambda *values: getattr(PLUGIN, f"bank_{hook}")(self.context, *values)

    def with_config(self, **changes: str) -> "Connection":
        return self._with(replace(self.context, config={**self.context.config, **changes}))

    def with_secrets(self, **secrets: str) -> "Connection":
        return self._with(replace(self.context, secrets=secrets))

    def with_clock(self, clock: Callable[[], datetime]) -> "Connection":
        return self._with(replace(self.context, clock=clock))

    def balance_at_bank(self) -> str:
        return str(self.bank.admin.account(self.account)["balance"])

    def money_movements(self, idempotency_key: str) -> int:
        """How often the bank moved money under this key."""
        entries = self.bank.admin.entries(self.account)
        return sum(entry["idempotency_key"] == idempotency_key for entry in entries)

    def _with(self, context: PluginContext) -> "Connection":
        return replace(self, context=context)


def asked(idempotency_key: str) -> EffectQuery:
    """The question what became of the transfer with this key."""
    return EffectQuery(idempotency_key=idempotency_key)


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="session")
def client_key() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.fixture(scope="session")
def foreign_key() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BankProcess]:
    with BankProcess(tmp_path_factory.mktemp("bank")) as running:
        yield running


@pytest.fixture
def connect(client_key: rsa.RSAPrivateKey) -> Callable[[BankProcess], Connection]:
    """Open an account with 10,000.00 at a bank and connect the plugin to it."""

    def open_and_connect(bank: BankProcess) -> Connection:
        bank.admin.clear_faults()
        account = bank.admin.open_account(HOLDER, "10000.00")["number"]
        bank.admin.register_client(CLIENT_ID, public_pem(client_key), [account])
        http = TestHttpClient(urlsplit(bank.base_url).netloc)
        log = RecordingLog()
        context = PluginContext(
            config={
                "base_url": bank.base_url,
                "client_id": CLIENT_ID,
                "account_holder": HOLDER,
                "account_number": account,
                "bank_name": "沙箱银行",
                "trust_pem": bank.ca_pem.read_text(),
                "bank_public_key": bank.admin.public_key(),
            },
            secrets={"client_private_key": private_pem(client_key)},
            http=http,
            clock=lambda: datetime.now(UTC),
            log=log,
        )
        return Connection(bank, context, http, account, log)

    return open_and_connect


@pytest.fixture
def connection(bank: BankProcess, connect: Callable[[BankProcess], Connection]) -> Connection:
    return connect(bank)


@pytest.fixture
def payee(bank: BankProcess) -> BankAccount:
    """An empty account of a borrower at the same bank."""
    number = bank.admin.open_account("张三")["number"]
    return BankAccount(holder="张三", number=number, bank_name="沙箱银行")


@pytest.fixture
def order(payee: BankAccount) -> TransferOrder:
    """1,234.56 to the borrower."""
    return TransferOrder(idempotency_key=f"loan-{payee.number}", amount=Decimal("1234.56"), payee=payee, purpose="放款")


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "bank"


@pytest.fixture
def bank_process() -> Iterator[Callable[..., BankProcess]]:
    """Start banks of a test's own; what still runs at its end is stopped."""
    started: list[BankProcess] = []

    def start(data_dir: Path, port: int = 0) -> BankProcess:
        started.append(BankProcess(data_dir, port))
        return started[-1]

    yield start
    for process in started:
        process.stop()


@pytest.fixture
def pem_of() -> Callable[[rsa.RSAPrivateKey], str]:
    return private_pem


@pytest.fixture
def public_pem_of() -> Callable[[rsa.RSAPrivateKey], str]:
    return public_pem
