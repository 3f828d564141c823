"""The forms in which values travel: money and rates as text, instants in UTC, text without control characters."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

_MONEY = r"^[0-9]{1,16}(\.[0-9]{1,2})?$"
_RATE = r"^[01](\.[0-9]{1,8})?$"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LARGEST_KEY = 2**63 - 1


def _text_of(kind: str, pattern: str) -> BeforeValidator:
    form = re.compile(pattern)

    def read(value: object) -> Decimal:
        if isinstance(value, Decimal):
            return value
        # A JSON number may have been a float on its way, so that only text is exact.
        if not isinstance(value, str) or not form.fullmatch(value):
            raise PydanticCustomError(kind, "not the form of this value")
        return Decimal(value)

    return BeforeValidator(read)


def _instant(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


Money = Annotated[
    Decimal,
    _text_of("money", _MONEY),
    PlainSerializer(lambda amount: f"{amount:.2f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _MONEY, "description": "yuan"}, mode="validation"),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$", "description": "yuan"}, mode="serialization"),
]
"""Yuan, exact to the cent: `"1234.50"`."""

Rate = Annotated[
    Decimal,
    _text_of("rate", _RATE),
    PlainSerializer(lambda rate: f"{rate.normalize():f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": _RATE, "description": "a year, as a fraction"}, mode="validation"),
    WithJsonSchema(
        {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$", "description": "a year, as a fraction"},
        mode="serialization",
    ),
]
"""A yearly rate as a fraction: `"0.18"` is 18 %."""

Figure = Annotated[
    Decimal,
    PlainSerializer(lambda value: f"{value.normalize():f}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}, mode="serialization"),
]
"""An exact number whose unit stands beside it."""

Instant = Annotated[
    datetime,
    PlainSerializer(_instant, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="serialization"),
]
"""A moment in UTC: `"2026-01-31T08:15:00Z"`."""


def _day(value: object) -> date:
    # Left to itself pydantic takes a number for seconds since 1970.
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise PydanticCustomError("date_type", "not a day")
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise PydanticCustomError("date_type", "not a day") from error


Day = Annotated[date, BeforeValidator(_day), WithJsonSchema({"type": "string", "format": "date"})]
"""A day in a query: `2026-01-31`."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line of text."""

Key = Annotated[int, Field(ge=1, le=_LARGEST_KEY)]
"""The id of a thing."""


class Body(BaseModel):
    """What a write takes; nothing is guessed, and nothing that is not known is passed over."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    """The parameters of a list."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What an operation answers."""

    model_config = ConfigDict(frozen=True)
