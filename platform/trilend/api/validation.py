"""Reads a call into the models of its operation, and says in the reader's language what does not fit."""

from typing import Any, TypeVar

from flask import Request
from flask_babel import lazy_gettext as _l
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trilend.api.errors import FieldFault, InvalidCall, MalformedBody, WrongMediaType

Model = TypeVar("Model", bound=BaseModel)

_MOST_FAULTS = 50
_SENTENCES = {
    "missing": _l("This value is needed."),
    "extra_forbidden": _l("There is no such value here."),
    "cursor": _l("Use the cursor of the page before."),
    "money": _l('Send an amount as text with at most two decimals, such as "1234.50".'),
    "rate": _l('Send a yearly rate as text and fraction, such as "0.18" for 18 %%.'),
    "string_type": _l("Send text."),
    "string_too_short": _l("At least %(min_length)s characters are needed."),
    "string_too_long": _l("At most %(max_length)s characters are allowed."),
    "string_pattern_mismatch": _l("Send one line of text without control characters."),
    "int_type": _l("Send a whole number."),
    "int_parsing": _l("Send a whole number."),
    "int_from_float": _l("Send a whole number."),
    "greater_than_equal": _l("The number must be at least %(ge)s."),
    "less_than_equal": _l("The number may be at most %(le)s."),
    "enum": _l("Choose one of: %(expected)s."),
    "bool_parsing": _l("Send true or false."),
    "date_type": _l("Send a day as 2026-01-31."),
    "date_parsing": _l("Send a day as 2026-01-31."),
    "date_from_datetime_parsing": _l("Send a day as 2026-01-31."),
    "too_short": _l("At least %(min_length)s entries are needed."),
    "too_long": _l("At most %(max_length)s entries are allowed."),
    "list_type": _l("Send a list."),
    "model_type": _l("Send a JSON object."),
    "model_attributes_type": _l("Send a JSON object."),
}
_OTHER = _l("This value does not have the right form.")


def read_query(request: Request, model: type[Model]) -> Model:
    """The query string as a model; raises `InvalidCall`. Of a parameter given twice the last counts."""
    try:
        return model.model_validate({name: values[-1] for name, values in request.args.lists()})
    except ValidationError as error:
        raise InvalidCall(_faults(error)) from error


def read_body(request: Request, model: type[Model]) -> Model:
    """The JSON body as a model; raises `InvalidCall`, `MalformedBody`, `WrongMediaType`."""
    content = request.get_data(cache=False)
    if request.mimetype != "application/json" and (content or request.mimetype):
        raise WrongMediaType
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise MalformedBody from error
        raise InvalidCall(_faults(error)) from error


def _faults(error: ValidationError) -> list[FieldFault]:
    found = error.errors(include_url=False, include_input=False)[:_MOST_FAULTS]
    return [FieldFault(".".join(map(str, fault["loc"])), fault["type"], _sentence(fault)) for fault in found]


def _sentence(fault: ErrorDetails) -> str:
    context: dict[str, Any] = fault.get("ctx", {})
    return str(_SENTENCES.get(fault["type"], _OTHER)) % context
