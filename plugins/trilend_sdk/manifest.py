"""The manifest of a plugin, read from its `plugin.toml` without running any of its code."""

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field

from trilend_sdk.payload import Payload


class Runner(StrEnum):
    """Where the plugin's code may run."""

    IN_PROCESS = "in-process"
    WASM = "wasm"
    CHILD = "child"
    REMOTE = "remote"


class Labels(Payload):
    """A text in the three languages of the platform."""

    zh_Hans: str
    zh_Hant: str
    en: str

    def for_locale(self, locale: str) -> str:
        """The text for a locale name such as `zh_Hant_HK`; Simplified Chinese where nothing else fits."""
        if locale.startswith("zh_Hant"):
            return self.zh_Hant
        return self.en if locale.startswith("en") else self.zh_Hans


class SecretField(Payload):
    """A secret the tenant enters (or enrolment makes): stored encrypted, never shown again."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    labels: Labels
    required: bool = True
    multiline: bool = False
    made_by_enrolment: bool = False


class Contact(Payload):
    """Where a tenant turns to for help, and for what becomes of its data."""

    support: str
    privacy: str


class Manifest(Payload):
    """Everything a host and a tenant must know before a plugin runs.

    `config_schema` is a JSON Schema of type object whose properties carry `x-labels` in three languages; `egress`
    lists host names, or `${field}` for the host of the URL in that configuration field.
    """

    publisher: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    name: str = Field(pattern=r"^[a-z][a-z0-9-]*$")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    api: tuple[str, ...] = Field(min_length=1)
    runner: Runner
    labels: Labels
    summary: Labels
    contact: Contact
    config_schema: Mapping[str, Any]
    secrets: tuple[SecretField, ...] = ()
    egress: tuple[str, ...] = ()
    data_classes: tuple[str, ...] = ()

    @property
    def identity(self) -> str:
        """Publisher and name, the way connections and entry points refer to a plugin."""
        return f"{self.publisher}/{self.name}"

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Parse a `plugin.toml`; raises `pydantic.ValidationError` or `tomllib.TOMLDecodeError`."""
        return cls.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
