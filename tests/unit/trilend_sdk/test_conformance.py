"""Every conformance suite runs on the example that has every hook."""

from trilend_sdk.conformance.bank import BankConformance
from trilend_sdk.conformance.bureau import BureauConformance
from trilend_sdk.conformance.data import DataConformance
from trilend_sdk.conformance.esign import ESignConformance
from trilend_sdk.conformance.events import EventsConformance
from trilend_sdk.conformance.finance import FinanceConformance
from trilend_sdk.conformance.lender import LenderConformance
from trilend_sdk.conformance.ocr import OcrConformance
from trilend_sdk.conformance.office import OfficeConformance
from trilend_sdk.conformance.sms import SmsConformance


class TestBank(BankConformance):
    """`bank/1`."""


class TestBureau(BureauConformance):
    """`bureau/1`."""


class TestData(DataConformance):
    """`data/1`."""


class TestESign(ESignConformance):
    """`esign/1`."""


class TestEvents(EventsConformance):
    """`events/1`."""


class TestFinance(FinanceConformance):
    """`finance/1`."""


class TestLender(LenderConformance):
    """`lender/1`."""


class TestOcr(OcrConformance):
    """`ocr/1`."""


class TestOffice(OfficeConformance):
    """`office/1`."""


class TestSms(SmsConformance):
    """`sms/1`."""
