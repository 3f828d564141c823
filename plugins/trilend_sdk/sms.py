"""Topic `sms/1`: text messages to customers by registered template and signature, and their delivery receipts."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from trilend_sdk.context import PluginContext
from trilend_sdk.hooks import Kind, hookspec
from trilend_sdk.payload import (
    CallbackAnswer,
    CallbackEvent,
    CallbackRequest,
    CheckResult,
    Confidential,
    Effect,
    EffectQuery,
    EffectResult,
    Mobile,
    Payload,
)
from trilend_sdk.values import Page, PageQuery

API = "sms/1"


class SmsPurpose(StrEnum):
    """Why a message is sent; collections obey the hours and counts of law before they come here."""

    CODE = "code"
    NOTICE = "notice"
    COLLECTION = "collection"
    MARKETING = "marketing"


class SmsParameter(Payload):
    """A value for a place in the template."""

    name: str
    value: Confidential


class SmsMessage(Effect):
    """A message to one number: template and signature (签名, without brackets) as registered with the carrier."""

    mobile: Mobile
    template: str = Field(min_length=1, max_length=64)
    signature: str = Field(min_length=1, max_length=32)
    parameters: tuple[SmsParameter, ...] = ()
    purpose: SmsPurpose


class SmsStatus(StrEnum):
    """Where a message stands."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    NOT_FOUND = "not_found"


class SmsResult(EffectResult):
    """The carrier's word on a message; `parts` is what it bills, `failure_code` its own."""

    status: SmsStatus
    parts: int = Field(default=0, ge=0)
    failure_code: str = ""
    delivered_at: AwareDatetime | None = None


class SmsTemplate(Payload):
    """A template registered with the carrier; `text` shows the places as `${name}`."""

    code: str
    text: str
    signature: str = ""
    approved: bool


class TemplatePage(Page):
    """Templates, each once over all pages."""

    templates: tuple[SmsTemplate, ...]


class SmsReply(Payload):
    """What a customer sent back (上行), such as an opt-out."""

    mobile: Mobile
    text: Confidential
    received_at: AwareDatetime


class SmsEvent(CallbackEvent):
    """What the carrier told by itself: a delivery receipt, or a reply."""

    receipt: SmsResult | None = None
    reply: SmsReply | None = None


class SmsCallback(Payload):
    """The events of a call-back whose signature is right, and the answer that the carrier waits for."""

    events: tuple[SmsEvent, ...] = ()
    answer: CallbackAnswer = CallbackAnswer()


class SmsHooks:
    """Hooks of topic `sms/1`."""

    @hookspec(deadline=15.0)
    def sms_check(self, context: PluginContext) -> CheckResult:
        """Test the connection without sending anything."""
        raise TypeError

    @hookspec(effect="sms_status")
    def sms_send(self, context: PluginContext, message: SmsMessage) -> SmsResult:
        """Send one message; a repeated idempotency key sends no second."""
        raise TypeError

    @hookspec()
    def sms_status(self, context: PluginContext, query: EffectQuery) -> SmsResult:
        """Tell whether a message arrived; raises `OutcomeUnknown` where the carrier cannot tell."""
        raise TypeError

    @hookspec(optional=True)
    def sms_templates(self, context: PluginContext, query: PageQuery) -> TemplatePage:
        """Read the registered templates."""
        raise TypeError

    @hookspec(kind=Kind.CALLBACK, optional=True)
    def sms_callback(self, context: PluginContext, request: CallbackRequest) -> SmsCallback:
        """Check a call-back's signature and tell what it says; raises `CallbackRefused`."""
        raise TypeError


SPECIFICATION = SmsHooks
