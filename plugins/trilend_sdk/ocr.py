"""Topic `ocr/1`: fields read from pictures of resident ids, business licences and bank cards."""

from enum import StrEnum

from pydantic import Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import hookspec
from trilend_sdk.payload import CheckResult, Payload
from trilend_sdk.values import Confidence

API = "ocr/1"


class Picture(Payload):
    """A photograph or scan, as it was taken."""

    content: bytes = Field(min_length=1)
    media_type: str = Field(pattern=r"^image/(jpeg|png|webp)$")


class ReadField(Payload):
    """A field as read: its text (empty when it is not there) and how sure the reader is, 0 to 1.

    `valid` tells whether a check digit or a date fits; None where there is nothing to check.
    """

    text: str = Field(default="", json_schema_extra={"x-data-class": "image"})
    confidence: Confidence = 0.0
    valid: bool | None = None


class IdSide(StrEnum):
    """The side of a resident id: `portrait` with name and number, `emblem` with authority and validity."""

    PORTRAIT = "portrait"
    EMBLEM = "emblem"


class ResidentIdRequest(Payload):
    """A picture of one side of a resident id; `side` None lets the reader find out."""

    picture: Picture
    side: IdSide | None = None


class ResidentIdReading(Payload):
    """What stands on a resident id; dates as ISO text, `long` for one without end."""

    side: IdSide
    name: ReadField = ReadField()
    sex: ReadField = ReadField()
    nation: ReadField = ReadField()
    born_on: ReadField = ReadField()
    address: ReadField = ReadField()
    resident_id: ReadField = ReadField()
    authority: ReadField = ReadField()
    valid_from: ReadField = ReadField()
    valid_until: ReadField = ReadField()


class LicenceRequest(Payload):
    """A picture of a business licence."""

    picture: Picture


class LicenceReading(Payload):
    """What stands on a business licence; dates as ISO text, capital as written."""

    name: ReadField = ReadField()
    uscc: ReadField = ReadField()
    kind: ReadField = ReadField()
    representative: ReadField = ReadField()
    capital: ReadField = ReadField()
    established_on: ReadField = ReadField()
    valid_until: ReadField = ReadField()
    address: ReadField = ReadField()
    scope: ReadField = ReadField()


class BankCardRequest(Payload):
    """A picture of a bank card's front."""

    picture: Picture


class BankCardReading(Payload):
    """What stands on a bank card."""

    number: ReadField = ReadField()
    bank_name: ReadField = ReadField()
    kind: ReadField = ReadField()
    valid_until: ReadField = ReadField()


class OcrHooks:
    """Hooks of topic `ocr/1`."""

    @hookspec(deadline=60.0)
    def ocr_check(self, context: PluginContext) -> CheckResult:
        """Test that pictures can be read."""
        raise TypeError

    @hookspec(deadline=60.0)
    def ocr_resident_id(self, context: PluginContext, request: ResidentIdRequest) -> ResidentIdReading:
        """Read one side of a resident id; a picture without one raises `Terminal` with code `nothing_read`."""
        raise TypeError

    @hookspec(deadline=60.0)
    def ocr_business_licence(self, context: PluginContext, request: LicenceRequest) -> LicenceReading:
        """Read a business licence; a picture without one raises `Terminal` with code `nothing_read`."""
        raise TypeError

    @hookspec(deadline=60.0)
    def ocr_bank_card(self, context: PluginContext, request: BankCardRequest) -> BankCardReading:
        """Read a bank card; a picture without one raises `Terminal` with code `nothing_read`."""
        raise TypeError


SPECIFICATION = OcrHooks
