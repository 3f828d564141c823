"""Placeholders of secrets that the host holds: what a plugin sees of them, and how the host puts the values in."""

import json
import secrets as random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self
from urllib.parse import quote

from trilend_sdk.context import HttpRequest


@dataclass(frozen=True, repr=False)
class Placeholders:
    """The placeholders of one call.

    Each carries chance, so that no text a person entered (a name, a purpose, a message) can stand for a secret. They
    are of letters, digits and dots only, so that no encoding of URL, JSON or form changes them.
    """

    by_name: Mapping[str, str]
    values: Mapping[str, str]

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Self:
        """New placeholders for these secrets."""
        names = {name: f"secret.{name}.{random.token_hex(16)}" for name in values}
        return cls(names, dict(values))

    def fill(self, request: HttpRequest) -> HttpRequest:
        """The request with the values in, each escaped for its place."""
        kind = next((text for name, text in request.headers.items() if name.lower() == "content-type"), "")
        return replace(
            request,
            url=self._text(request.url, kind="url"),
            headers={name: self._text(text, kind="header") for name, text in request.headers.items()},
            content=self._bytes(request.content, kind),
        )

    def _text(self, text: str, kind: str) -> str:
        for name, placeholder in self.by_name.items():
            if placeholder in text:
                text = text.replace(placeholder, _escaped(self.values[name], kind))
        return text

    def _bytes(self, content: bytes, kind: str) -> bytes:
        for name, placeholder in self.by_name.items():
            if placeholder.encode() in content:
                content = content.replace(placeholder.encode(), _escaped(self.values[name], kind).encode())
        return content


def _escaped(value: str, kind: str) -> str:
    if kind == "url" or "x-www-form-urlencoded" in kind:
        return quote(value, safe="")
    if "json" in kind:
        return json.dumps(value, ensure_ascii=False)[1:-1]
    if "xml" in kind:
        return value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    return value
