"""A tenant with a signing identity, a real contract, and Poppler as the second opinion."""

import base64
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

import pylopdf_fonts_zh_cn
import pytest
import typst
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers

from trilend_pyhanko import PLUGIN
from trilend_sdk.context import HttpRequest, HttpResponse, PluginContext
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import (
    EnrolmentRequest,
    Placement,
    SealKind,
    Signer,
    SignRequest,
    SignResult,
    VerificationReport,
    VerifyRequest,
)

COMPANY = "上海信诚小额贷款有限公司"
USCC = "91310115591693856A"
EVIDENCE = {"code_sent_to": "138****0000", "address": "203.0.113.7", "at": "2026-03-02T09:30:00+08:00"}

CONTRACT = """
#set page("a4")
#set text(font: "Noto Serif SC", size: 12pt)
= 借款合同
#for _ in range(20) [甲方与乙方约定如下条款，双方共同遵守。]
#pagebreak()
甲方（盖章）： #h(6cm) 乙方（签名）：王䶮𬭎㛃
"""


class NoNetwork:
    """Signing needs no network: any request is an error."""

    def send(self, request: HttpRequest) -> HttpResponse:
        raise Terminal(f"unexpected request to {request.url}")


@dataclass
class RecordingLog:
    """Keeps what was logged."""

    entries: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def info(self, event: str, **values: Any) -> None:
        self.entries.append((event, values))

    def warning(self, event: str, **values: Any) -> None:
        self.entries.append((event, values))


def now() -> datetime:
    return datetime.now(UTC)


def make_context(
    config: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
    clock: Callable[[], datetime] = now,
) -> PluginContext:
    return PluginContext(config=config or {}, secrets=secrets or {}, http=NoNetwork(), clock=clock, log=RecordingLog())


@dataclass(frozen=True)
class Tenant:
    """A tenant's connection, and what its staff do with it."""

    context: PluginContext
    company: str = COMPANY

    @classmethod
    def enrol(cls, company: str = COMPANY, clock: Callable[[], datetime] = now) -> "Tenant":
        made = PLUGIN.esign_enrol(make_context(clock=clock), EnrolmentRequest(organization=company, uscc=USCC))
        return cls(make_context(made.config, made.secrets, clock), company)

    def at(self, instant: datetime) -> "Tenant":
        return replace(self, context=replace(self.context, clock=lambda: instant))

    def with_secrets(self, **secrets: str) -> "Tenant":
        return replace(self, context=replace(self.context, secrets={**self.context.secrets, **secrets}))

    def with_config(self, **config: str) -> "Tenant":
        return replace(self, context=replace(self.context, config={**self.context.config, **config}))

    def seal(self, document: bytes, **changes: Any) -> SignResult:
        signer = Signer(
            name=self.company,
            reference="tenant",
            kind=SealKind.COMPANY,
            seal_code="3101151234567",
            caption="合同专用章",
        )
        values = {
            "field_name": "company",
            "signer": signer,
            "placement": Placement(x=80, y=640, width=119, height=119),
            **changes,
        }
        return self.sign(document, **values)

    def sign_as_person(self, document: bytes, name: str = "王䶮𬭎", **changes: Any) -> SignResult:
        values = {
            "field_name": "borrower",
            "signer": Signer(name=name, reference="party-42", kind=SealKind.PERSONAL),
            "placement": Placement(x=350, y=660, width=60, height=60),
            **changes,
        }
        return self.sign(document, **values)

    def sign(self, document: bytes, **values: Any) -> SignResult:
        asked = {
            "idempotency_key": "signature-1",
            "document": document,
            "reason": "签订借款合同",
            "evidence": EVIDENCE,
            **values,
        }
        return PLUGIN.esign_sign(self.context, SignRequest(**asked))

    def sign_without_checks(self, document: bytes, **metadata: Any) -> bytes:
        """Sign with the company's key by the library alone, past all that the plugin refuses."""
        signer = signers.SimpleSigner.load_pkcs12_data(
            base64.b64decode(self.context.secrets["company_pkcs12"]),
            other_certs=[],
            passphrase=self.context.secrets["company_pkcs12_password"].encode(),
        )
        asked = signers.PdfSignatureMetadata(
            field_name="unchecked", subfilter=fields.SigSeedSubFilter.PADES, **metadata
        )
        signed = signers.PdfSigner(asked, signer).sign_pdf(IncrementalPdfFileWriter(BytesIO(document)))
        return signed.getvalue()

    def verify(self, document: bytes) -> VerificationReport:
        return PLUGIN.esign_verify(self.context, VerifyRequest(document=document))


@pytest.fixture(scope="session")
def tenant() -> Tenant:
    return Tenant.enrol()


@pytest.fixture(scope="session")
def contract(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A contract of two pages, as the platform's templates make them."""
    source = tmp_path_factory.mktemp("contract") / "contract.typ"
    source.write_text(CONTRACT, encoding="utf-8")
    return typst.compile(str(source), font_paths=[str(pylopdf_fonts_zh_cn.serif_path().parent)])


@pytest.fixture(scope="session")
def sealed(tenant: Tenant, contract: bytes) -> bytes:
    return tenant.seal(contract).document


@pytest.fixture(scope="session")
def countersigned(tenant: Tenant, sealed: bytes) -> bytes:
    return tenant.sign_as_person(sealed).document


def tool(name: str, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed; it comes with the package {package}")
    return found


@dataclass(frozen=True)
class PopplerVerdict:
    """What pdfsig says about one signature."""

    common_name: str
    signature: str
    certificate: str
    total: bool


class Poppler:
    """Verification by another implementation, with a tenant's root in an NSS database."""

    def __init__(self, folder: Path, root_pem: str) -> None:
        self._folder = folder
        self._pdfsig = tool("pdfsig", "poppler-utils")
        certutil = tool("certutil", "libnss3-tools")
        root = folder / "root.pem"
        root.write_text(root_pem)
        database = f"sql:{folder}"
        subprocess.run([certutil, "-N", "-d", database, "--empty-password"], check=True)
        subprocess.run([certutil, "-A", "-d", database, "-n", "root", "-t", "C,C,C", "-i", str(root)], check=True)

    def verify(self, document: bytes) -> list[PopplerVerdict]:
        path = self._folder / "document.pdf"
        path.write_bytes(document)
        answer = subprocess.run(
            [self._pdfsig, "-nssdir", f"sql:{self._folder}", str(path)], capture_output=True, check=False
        )
        text = answer.stdout.decode(errors="replace")
        return [_poppler_verdict(part) for part in re.split(r"^Signature #\d+:$", text, flags=re.MULTILINE)[1:]]


def _poppler_verdict(text: str) -> PopplerVerdict:
    def value(label: str) -> str:
        found = re.search(rf"- {label}: (.*)", text)
        return found[1] if found else ""

    return PopplerVerdict(
        common_name=value("Signer Certificate Common Name"),
        signature=value("Signature Validation"),
        certificate=value("Certificate Validation"),
        total="- Total document signed" in text,
    )


@pytest.fixture(scope="session")
def poppler(tenant: Tenant, tmp_path_factory: pytest.TempPathFactory) -> Poppler:
    return Poppler(tmp_path_factory.mktemp("nss"), tenant.context.config["ca_certificate"])
