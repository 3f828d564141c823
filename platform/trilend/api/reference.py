"""Turns the OpenAPI document into what a person reads: operations by resource, their values, and samples that run."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trilend.api.interface import Interface
from trilend.api.openapi import Json
from trilend.api.operations import Operation
from trilend.identity.scopes import SCOPES

_KEY = "my-request-1"
_SAMPLES: Mapping[str, Any] = {"integer": 1, "number": 1, "boolean": True, "string": "…", "array": [], "object": {}}


@dataclass(frozen=True)
class Value:
    """A parameter, or a field of a body or an answer."""

    name: str
    needed: bool
    form: str
    meaning: str


@dataclass(frozen=True)
class Described:
    """An operation in words, with samples."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    scope: str | None
    scope_label: str
    parameters: list[Value]
    body: list[Value]
    answer: list[Value]
    statuses: list[str]
    curl: str
    python: str


@dataclass(frozen=True)
class Group:
    """The operations on one sort of thing."""

    name: str
    summary: str
    operations: list[Described]


def reference_of(document: Json, interface: Interface, *, address: str) -> list[Group]:
    """All resources in the reader's language as far as it has the texts; samples call `address`."""
    return [
        Group(
            resource.name,
            str(resource.summary),
            [_Reader(document, operation, address).described() for operation in resource.operations],
        )
        for resource in interface.resources
    ]


def json_text(value: Any) -> str:
    """A value as one line of JSON, Chinese characters as they are."""
    return json.dumps(value, ensure_ascii=False)


def token_sample(address: str) -> str:
    """How a program gets its token from the command line."""
    return _joined(
        ['curl -u "$CLIENT_ID:$CLIENT_SECRET"', "-d grant_type=client_credentials", f"{address}/oauth/token"]
    )


class _Reader:
    """Reads one operation out of the document."""

    def __init__(self, document: Json, operation: Operation, address: str) -> None:
        self._document = document
        self._operation = operation
        self._described = document["paths"][operation.path][operation.method.lower()]
        path = operation.path
        for place in operation.places:
            path = path.replace(f"{{{place}}}", "1")
        self._url = f"{address}/api/v1{path}"

    def described(self) -> Described:
        operation, described = self._operation, self._described
        body, answer = self._schema("requestBody"), self._answer()
        return Described(
            name=operation.name,
            method=operation.method,
            path=operation.path,
            summary=str(operation.summary),
            description=described.get("description", ""),
            scope=operation.scope,
            scope_label=str(SCOPES[operation.scope]) if operation.scope else "",
            parameters=[self._parameter(each) for each in described["parameters"]],
            body=self._fields(body),
            answer=self._fields(answer),
            statuses=[status for status in described["responses"] if status != "default"],
            curl=self._curl(body),
            python=self._python(body),
        )

    def _parameter(self, given: Json) -> Value:
        found = self._resolved(given)
        meaning = found.get("description") or found["schema"].get("description", "")
        return Value(found["name"], found["required"], self._form(found["schema"]), meaning)

    def _schema(self, part: str) -> Json:
        content = self._described.get(part, {}).get("content", {})
        return self._resolved(content["application/json"]["schema"]) if content else {}

    def _answer(self) -> Json:
        response = self._described["responses"][str(self._operation.status)]
        return self._resolved(response["content"]["application/json"]["schema"])

    def _fields(self, schema: Json) -> list[Value]:
        needed = schema.get("required", ())
        return [
            Value(name, name in needed, self._form(each), self._meaning(each))
            for name, each in schema.get("properties", {}).items()
        ]

    def _meaning(self, schema: Json) -> str:
        own = schema.get("description")
        return str(own or next((part["description"] for part in schema.get("anyOf", ()) if "description" in part), ""))

    def _form(self, given: Json) -> str:
        """What a value looks like, in a few words."""
        schema = self._resolved(given)
        if "anyOf" in schema:
            return " | ".join(self._form(part) for part in schema["anyOf"])
        if "enum" in schema:
            return " | ".join(map(str, schema["enum"]))
        if schema.get("type") == "array":
            return f"[{self._form(schema.get('items', {}))}]"
        if "properties" in schema:
            return str(schema.get("title", "object"))
        return str(schema.get("format") or schema.get("type", "any"))

    def _resolved(self, schema: Json) -> Json:
        found = schema
        for step in schema.get("$ref", "").removeprefix("#/").split("/") if "$ref" in schema else ():
            found = self._document[step] if found is schema else found[step]
        return found

    def _example(self, schema: Json) -> Any:
        found = self._resolved(schema)
        if "example" in found:
            return found["example"]
        if "properties" in found:
            needed = found.get("required", ())
            return {name: self._example(each) for name, each in found["properties"].items() if name in needed}
        if "enum" in found:
            return found["enum"][0]
        return _SAMPLES.get(found.get("type", "string"), "…")

    def _curl(self, body: Json) -> str:
        lines = ['curl -H "Authorization: Bearer $TOKEN"']
        if self._operation.is_write:
            lines.append(f'-H "Idempotency-Key: {_KEY}"')
        if body:
            sample = json_text(self._example(body)).replace("'", "'\\''")
            lines += ['-H "Content-Type: application/json"', f"-d '{sample}'"]
        elif self._operation.is_write:
            lines.append("-X POST")
        return _joined([*lines, self._url])

    def _python(self, body: Json) -> str:
        headers = ['"Authorization": f"Bearer {token}"']
        if self._operation.is_write:
            headers.append(f'"Idempotency-Key": "{_KEY}"')
        given = [f'    "{self._url}",', f"    headers={{{', '.join(headers)}}},"]
        if body:
            given.append(f"    json={self._example(body)!r},")
        verb = self._operation.method.lower()
        return "\n".join(
            [
                "import httpx",
                "",
                f"answer = httpx.{verb}(",
                *given,
                ")",
                "answer.raise_for_status()",
                "print(answer.json())",
            ]
        )


def _joined(lines: Iterable[str]) -> str:
    return " \\\n  ".join(lines)
