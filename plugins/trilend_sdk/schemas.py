"""The JSON Schema (2020-12) of every payload, for hosts, isolated runners and plugins in other languages."""

import inspect
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, get_args

from trilend_sdk.hooks import hooks_of_topic
from trilend_sdk.payload import Payload


@cache
def payloads(api: str) -> Mapping[str, type[Payload]]:
    """Every payload that crosses the boundary in a topic, nested ones included, by name."""
    found: dict[str, type[Payload]] = {}
    for hook in hooks_of_topic(api).values():
        for part in (hook.payload_type, hook.result_type):
            _collect(part, found)
    return MappingProxyType(dict(sorted(found.items())))


def schemas(api: str) -> dict[str, dict[str, Any]]:
    """The schema of each payload of a topic as it stands in JSON: money and rates are text, bytes base64."""
    return {name: schema(kind) for name, kind in payloads(api).items()}


def schema(payload: type[Payload]) -> dict[str, Any]:
    """The schema of one payload."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | payload.model_json_schema(mode="serialization")


def _collect(annotation: Any, found: dict[str, type[Payload]]) -> None:
    if inspect.isclass(annotation) and issubclass(annotation, Payload):
        if annotation.__name__ in found:
            return
        found[annotation.__name__] = annotation
        for field in annotation.model_fields.values():
            _collect(field.annotation, found)
    for part in get_args(annotation):
        _collect(part, found)
