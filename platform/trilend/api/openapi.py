"""Describes an interface in OpenAPI 3.1, from the operations themselves."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from flask_babel import force_locale
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from trilend.api.idempotency import HEADER
from trilend.api.interface import Interface
from trilend.api.operations import Operation
from trilend.api.problems import MEDIA_TYPE, Problem
from trilend.identity.scopes import SCOPES
from trilend.kinds import EventType
from trilend_sdk.events import DomainEvent

Mode = Literal["validation", "serialization"]
Shape = tuple[type[BaseModel], Mode]
Json = dict[str, Any]
_GENERIC = re.compile(r"^(\w+)\[(\w+)\]$")
_SECURITY = "programs"
_PROBLEMS = {
    "401": "The access token is missing, unknown here, expired or revoked.",
    "403": "The token lacks the scope, or this caller may not do it.",
    "404": "There is no such thing.",
    "409": "The act is not possible in the present state, or the same request is being worked on.",
    "429": "More calls than are allowed in a minute, a day or a month.",
    "422": "Values do not fit, or the idempotency key was used for another request.",
    "default": "Any other error.",
}


class _Schemas(GenerateJsonSchema):
    """Names `Page[PartyAnswer]` PartyAnswerPage: programs that write clients make classes of these names."""

    def normalize_name(self, name: str) -> str:
        return super().normalize_name(_GENERIC.sub(r"\2\1", name))


def describe(interface: Interface, *, title: str, events: Iterable[EventType] = ()) -> Json:
    """The OpenAPI document of an interface, in English; `events` are what its webhooks tell."""
    with force_locale("en"):
        return _described(interface, title, events)


def _described(interface: Interface, title: str, events: Iterable[EventType]) -> Json:
    operations = list(interface.operations.values())
    models: list[Shape] = [(Problem, "serialization"), *([(DomainEvent, _SENT)] if events else [])]
    models += [shape for operation in operations for shape in _models(operation)]
    references, definitions = models_json_schema(
        list(dict.fromkeys(models)), ref_template="#/components/schemas/{model}", schema_generator=_Schemas
    )
    schemas = definitions["$defs"]
    paths: Json = {}
    for resource in interface.resources:
        for operation in resource.operations:
            described = _Description(operation, references, schemas).as_json(resource.name)
            paths.setdefault(operation.path, {})[operation.method.lower()] = described
    for name in {references[(operation.query, "validation")]["$ref"] for operation in operations if operation.query}:
        schemas.pop(name.rpartition("/")[2], None)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1", "description": _INTRODUCTION},
        "servers": [{"url": "/api/v1"}],
        "tags": [{"name": resource.name, "description": str(resource.summary)} for resource in interface.resources],
        "paths": paths,
        "webhooks": {each.name: _webhook(each, references) for each in events},
        "components": _components(schemas, operations),
    }


def _webhook(event: EventType, references: Mapping[Any, Json]) -> Json:
    """How an event is sent; its receiver answers with any status from 200 to 299."""
    told = "; ".join(f"`{name}`: {meaning}" for name, meaning in event.data.items())
    content = {"application/json": {"schema": references[(DomainEvent, _SENT)]}}
    return {
        "post": {
            "summary": str(event.label),
            "description": f"In `data`: {told}." if told else "",
            "requestBody": {"required": True, "content": content},
            "responses": {"2XX": {"description": "Taken."}},
        }
    }


_SENT: Mode = "serialization"
_INTRODUCTION = (
    "Money travels as text in yuan, rates as fractions of a year, days as ISO dates, instants in UTC. "
    "Lists are newest first; `next_cursor` of a page is the `cursor` of the next one. "
    "Errors are problems after RFC 9457, in the language of Accept-Language."
)


class _Description:
    """One operation, with references to the schemas of its models."""

    def __init__(self, operation: Operation, references: Mapping[Any, Json], schemas: Json) -> None:
        self._operation = operation
        self._references = references
        self._schemas = schemas

    def as_json(self, tag: str) -> Json:
        operation = self._operation
        described: Json = {
            "operationId": operation.name,
            "tags": [tag],
            "summary": str(operation.summary),
            "security": [{_SECURITY: [operation.scope] if operation.scope else []}],
            "parameters": [*self._path_parameters(), *self._query_parameters()],
            "responses": self._responses(),
        }
        if operation.is_write:
            described["parameters"].append({"$ref": "#/components/parameters/IdempotencyKey"})
        if operation.body:
            needed = any(field.is_required() for field in operation.body.model_fields.values())
            described["requestBody"] = {"required": needed, "content": self._content(operation.body, "validation")}
        if operation.handler.__doc__:
            described["description"] = " ".join(operation.handler.__doc__.split())
        return described

    def _path_parameters(self) -> list[Json]:
        number = {"type": "integer", "format": "int64", "minimum": 1}
        return [{"name": name, "in": "path", "required": True, "schema": number} for name in self._operation.places]

    def _query_parameters(self) -> list[Json]:
        if self._operation.query is None:
            return []
        name = self._references[(self._operation.query, "validation")]["$ref"].rpartition("/")[2]
        schema = self._schemas[name]
        needed = schema.get("required", ())
        return [
            {"name": field, "in": "query", "required": field in needed, "schema": described}
            for field, described in schema["properties"].items()
        ]

    def _responses(self) -> Json:
        operation = self._operation
        done: Json = {"description": "Done.", "content": self._content(operation.answer, "serialization")}
        if operation.location:
            location = {"description": "Address of what was made.", "schema": {"type": "string"}}
            done["headers"] = {"Location": location}
        statuses = [
            "401",
            *(["403"] if operation.scope else []),
            *(["404"] if operation.places else []),
            *(["409"] if operation.is_write else []),
            *(["422"] if operation.query or operation.is_write else []),
            "429",
            "default",
        ]
        problems = {status: {"$ref": f"#/components/responses/{_problem_name(status)}"} for status in statuses}
        return {str(operation.status): done} | problems

    def _content(self, model: type[BaseModel], mode: Mode) -> Json:
        return {"application/json": {"schema": self._references[(model, mode)]}}


def _models(operation: Operation) -> Iterable[Shape]:
    if operation.query:
        yield operation.query, "validation"
    if operation.body:
        yield operation.body, "validation"
    yield operation.answer, "serialization"


def _problem_name(status: str) -> str:
    return f"Problem{status.capitalize()}"


def _components(schemas: Json, operations: Iterable[Operation]) -> Json:
    used = sorted({operation.scope for operation in operations if operation.scope})
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    scopes = {scope: str(SCOPES[scope]) for scope in used}
    return {
        "schemas": schemas,
        "responses": {
            _problem_name(status): {"description": text, "content": content} for status, text in _PROBLEMS.items()
        },
        "parameters": {
            "IdempotencyKey": {
                "name": HEADER,
                "in": "header",
                "required": False,
                "description": "A name of the caller's own for this request; a repetition gets the first one's answer.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 200},
            }
        },
        "securitySchemes": {
            _SECURITY: {
                "type": "oauth2",
                "description": "A program acts for the company itself, or for a person who has agreed.",
                "flows": {
                    "clientCredentials": {"tokenUrl": "/oauth/token", "scopes": scopes},
                    "authorizationCode": {
                        "authorizationUrl": "/authorize/",
                        "tokenUrl": "/oauth/token",
                        "refreshUrl": "/oauth/token",
                        "scopes": scopes,
                    },
                },
            }
        },
    }
