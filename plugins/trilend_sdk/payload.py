"""The base of all payloads: frozen, typed, JSON-able values that cross the plugin boundary."""

from pydantic import BaseModel, ConfigDict


class Payload(BaseModel):
    """An immutable value; unknown fields are refused, bytes travel as base64 in JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class CheckResult(Payload):
    """What a connection test found: `ok`, and a sentence for the person who pressed the button."""

    ok: bool
    message: str
