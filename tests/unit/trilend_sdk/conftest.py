"""The paper desk of the plugin author's guide on the conformance suites' benches."""

import hashlib
import hmac
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from trilend_sdk.bank import BankEvent, TransferResult, TransferStatus, VirtualAccountClosure
from trilend_sdk.bureau import BureauEvent, CreditReport, ReportStatus
from trilend_sdk.conformance import host, samples
from trilend_sdk.conformance.ocr import OcrBench
from trilend_sdk.context import PluginContext
from trilend_sdk.data import DataAnswer, DataEvent, DataStatus
from trilend_sdk.esign import ESignEvent, SignResult, SignStatus
from trilend_sdk.lender import LenderEvent, SubmissionResult, SubmissionStatus, Withdrawal
from trilend_sdk.manifest import Manifest
from trilend_sdk.ocr import Picture
from trilend_sdk.office import ApprovalResult, ApprovalStatus, ApprovalWithdrawal, OfficeEvent
from trilend_sdk.payload import CallbackRequest
from trilend_sdk.sms import SmsEvent, SmsReply

DESK = Path(__file__).parents[3] / "plugins" / "examples" / "paper_desk"
NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
KEY = {"idempotency_key": "told-by-itself"}
TOLD = {
    "bank": BankEvent(event_id="1", occurred_at=NOW, transfer=TransferResult(**KEY, status=TransferStatus.SETTLED)),
    "bureau": BureauEvent(event_id="1", occurred_at=NOW, report=CreditReport(**KEY, status=ReportStatus.PENDING)),
    "data": DataEvent(event_id="1", occurred_at=NOW, result=DataAnswer(**KEY, status=DataStatus.PENDING)),
    "esign": ESignEvent(event_id="1", occurred_at=NOW, signature=SignResult(**KEY, status=SignStatus.REFUSED)),
    "lender": LenderEvent(
        event_id="1", occurred_at=NOW, submission=SubmissionResult(**KEY, status=SubmissionStatus.FIRST_REVIEW)
    ),
    "office": OfficeEvent(
        event_id="1", occurred_at=NOW, approval=ApprovalResult(**KEY, status=ApprovalStatus.APPROVED)
    ),
    "sms": SmsEvent(event_id="1", occurred_at=NOW, reply=SmsReply(mobile="13800000000", text="T", received_at=NOW)),
}


class DeskBench(OcrBench):
    """A fresh drawer, and what the suites must know of it."""

    resident_id = (Picture(content=b"resident_id=11010519491231002X", media_type="image/png"), "11010519491231002X")
    emblem = (Picture(content=b"valid_until=2036-01-01", media_type="image/png"), "2036-01-01")
    licence = (Picture(content=b"uscc=91310115591693856A", media_type="image/png"), "91310115591693856A")
    bank_card = (Picture(content=b"number=6222020200112230000", media_type="image/png"), "6222020200112230000")

    def __init__(self, plugin: object, topic: str) -> None:
        self.plugin, self.topic = plugin, topic
        self.manifest = Manifest.read(DESK / "acme_paperdesk" / "plugin.toml")
        self.store = host.MemoryStore()

    def context(self) -> PluginContext:
        config = {"holder": "青山小额贷款有限公司"}
        return host.context(self.manifest, config, {"stamp": "red ink"}, store=self.store)

    def effects(self, hook: str, idempotency_key: str) -> int:
        return int(self.store.get(f"done {hook} {idempotency_key}") or b"0")

    def payload(self, kind: type[Any], sample: Any) -> Any:
        if kind is Withdrawal:
            file = self.call("lender_submit", submission=samples.submission(f"file-{sample.idempotency_key}"[:64]))
            return sample.model_copy(update={"submission_key": file.idempotency_key, "reference": file.reference})
        if kind is ApprovalWithdrawal:
            started = self.call("office_approval_start", approval=samples.approval(f"a-{sample.idempotency_key}"[:64]))
            return sample.model_copy(update={"reference": started.reference})
        if kind is VirtualAccountClosure:
            made = self.call("bank_virtual_open", order=samples.virtual_account(f"v-{sample.idempotency_key}"[:64]))
            return sample.model_copy(update={"number": made.account.number})
        return sample

    def callbacks(self) -> tuple[CallbackRequest, ...]:
        content = TOLD[self.topic].model_dump_json().encode()
        stamp = hmac.new(b"red ink", content, hashlib.sha256).hexdigest()
        return (CallbackRequest(method="POST", headers={"x-stamp": stamp}, content=content, received_at=NOW),)

    def blank(self) -> Picture:
        return Picture(content=b"clouds", media_type="image/png")


@pytest.fixture(scope="session")
def paper_desk() -> Any:
    """The example's plugin object, from its sources."""
    sys.path.insert(0, str(DESK))
    try:
        import acme_paperdesk
    finally:
        sys.path.remove(str(DESK))
    return acme_paperdesk.PLUGIN


@pytest.fixture
def bench(paper_desk: object, request: pytest.FixtureRequest) -> DeskBench:
    return DeskBench(paper_desk, request.cls.api.partition("/")[0])
