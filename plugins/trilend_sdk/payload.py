"""The base of all payloads: frozen, typed, JSON-able values that cross the plugin boundary."""

import re
from enum import StrEnum
from typing import Annotated, Any, Self, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

IdempotencyKey = Annotated[str, Field(min_length=8, max_length=64, pattern=r"^[!-~]+$")]


class Payload(BaseModel):
    """An immutable value; unknown fields are refused, bytes travel as base64 in JSON, decimals as text."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class CheckResult(Payload):
    """What a connection test found: `ok`, and a sentence for the person who pressed the button."""

    ok: bool
    message: str


class Effect(Payload):
    """Something to be done outside, once per `idempotency_key`, however often the call is made."""

    idempotency_key: IdempotencyKey


class EffectQuery(Payload):
    """Ask what became of an effect; `reference` is the other side's, once it gave one, `sent_at` the first sending."""

    idempotency_key: IdempotencyKey
    reference: str = ""
    sent_at: AwareDatetime | None = None


class EffectResult(Payload):
    """The other side's word on an effect; each topic adds its `status`, one of whose words is `not_found`.

    `not_found` says that the other side is sure to have done nothing: the host may send again under the same key.
    `reason` is for people, and set when the effect was refused or failed.
    """

    idempotency_key: IdempotencyKey
    reference: str = ""
    reason: str = ""

    @property
    def found(self) -> bool:
        """Whether the other side knows of the effect at all."""
        return str(getattr(self, "status", "not_found")) != "not_found"


class CallbackRequest(Payload):
    """A request that came in at the connection's public address; header names are lower case, `path` is below it."""

    method: str
    path: str = ""
    query: dict[str, str] = Field(default_factory=dict)
    headers: dict[str, str] = Field(default_factory=dict)
    content: bytes = b""
    received_at: AwareDatetime


class CallbackAnswer(Payload):
    """What the host answers to the other side once it has recorded the events."""

    status: int = Field(default=200, ge=200, le=499)
    headers: dict[str, str] = Field(default_factory=dict)
    content: bytes = b""


class CallbackEvent(Payload):
    """One thing that a call-back tells, in exactly one further field; `event_id` is the same when it is told again."""

    event_id: str = Field(min_length=1, max_length=128)
    occurred_at: AwareDatetime

    @model_validator(mode="after")
    def _tells_one_thing(self) -> Self:
        told = [name for name in type(self).model_fields if name not in CallbackEvent.model_fields]
        if sum(getattr(self, name) is not None for name in told) != 1:
            raise ValueError(f"an event tells exactly one of {', '.join(told)}")
        return self


class DataClass(StrEnum):
    """A sort of data that a plugin sees, named in its manifest and masked in logs."""

    NAME = "name"
    RESIDENT_ID = "resident_id"
    MOBILE = "mobile"
    ADDRESS = "address"
    ORGANIZATION = "organization"
    BANK_ACCOUNT = "bank_account"
    TRANSACTION = "transaction"
    CREDIT_REPORT = "credit_report"
    RISK_DATA = "risk_data"
    DOCUMENT = "document"
    IMAGE = "image"
    LOAN = "loan"
    STAFF = "staff"
    ACCOUNTING = "accounting"
    MESSAGE = "message"


def _class(kind: DataClass, **limits: Any) -> Any:
    return Field(json_schema_extra={"x-data-class": kind.value}, **limits)


PersonName = Annotated[str, _class(DataClass.NAME, min_length=1, max_length=120)]
ResidentId = Annotated[str, _class(DataClass.RESIDENT_ID, pattern=r"^[0-9]{17}[0-9X]$")]
Mobile = Annotated[str, _class(DataClass.MOBILE, pattern=r"^\+?[0-9]{6,15}$")]
Address = Annotated[str, _class(DataClass.ADDRESS, max_length=300)]
AccountNumber = Annotated[str, _class(DataClass.BANK_ACCOUNT, min_length=1, max_length=40)]
Uscc = Annotated[str, Field(pattern=r"^[0-9A-HJ-NPQRTUWXY]{18}$")]
Confidential = Annotated[str, _class(DataClass.MESSAGE)]


def redacted(payload: Payload) -> dict[str, Any]:
    """A payload as JSON values fit for a log: personal data masked but for its end, bytes as their length."""
    return {name: _masked(type(payload), name, getattr(payload, name)) for name in type(payload).model_fields}


def _masked(model: type[Payload], name: str, value: Any) -> Any:
    field = model.model_fields[name]
    declared = [field, *(part for kind in get_args(field.annotation) for part in getattr(kind, "__metadata__", ()))]
    extras = [getattr(part, "json_schema_extra", None) or {} for part in declared]
    if isinstance(value, str) and any("x-data-class" in extra for extra in extras):
        return masked(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Payload):
        return redacted(value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, tuple | list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, str):
        return re.sub(r"[0-9]{11,}[0-9Xx]?", lambda found: masked(found[0]), value)
    return value if value is None or isinstance(value, bool | int) else str(value)


def masked(text: str) -> str:
    """A text with all but its end hidden: the last four of a long one, the last one of a short one."""
    shown = 4 if len(text) > 8 else 1
    return "*" * max(len(text) - shown, 1) + (text[-shown:] if len(text) > shown else "")
