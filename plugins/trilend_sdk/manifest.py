"""The manifest of a plugin, read from its `plugin.toml` without running any of its code."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from trilend_sdk.hooks import facts, hooks_of_topic, topics
from trilend_sdk.payload import DataClass, Payload

_FIELD = re.compile(r"\$\{([a-z][a-z0-9_]*)\}")
_HOST = re.compile(r"([a-z0-9]([a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
_TYPES = ("string", "integer", "number", "boolean")
_LANGUAGES = ("zh_Hans", "zh_Hant", "en")


class ManifestInvalid(ValueError):
    """A `plugin.toml` that cannot be used; `problems` are sentences, each naming the place and what to do."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


class Runner(StrEnum):
    """Where the plugin's code may run."""

    IN_PROCESS = "in-process"
    WASM = "wasm"
    CHILD = "child"
    REMOTE = "remote"


class Holder(StrEnum):
    """Who has a secret's value: the host, which puts it into requests, or the plugin, which signs with it."""

    HOST = "host"
    PLUGIN = "plugin"


class Scope(StrEnum):
    """Something of the platform that a plugin asks for beyond its hooks' payloads."""

    DOCUMENTS = "documents"
    STORE = "store"
    FILES = "files"
    CALLBACKS = "callbacks"


class Labels(Payload):
    """A text in the three languages of the platform."""

    zh_Hans: str = Field(min_length=1)
    zh_Hant: str = Field(min_length=1)
    en: str = Field(min_length=1)

    def for_locale(self, locale: str) -> str:
        """The text for a locale name such as `zh_Hant_HK`; Simplified Chinese where nothing else fits."""
        if locale.startswith("zh_Hant"):
            return self.zh_Hant
        return self.en if locale.startswith("en") else self.zh_Hans


class SecretField(Payload):
    """A secret the tenant enters (or enrolment makes): stored encrypted, never shown again."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    labels: Labels
    held_by: Holder = Holder.HOST
    required: bool = True
    multiline: bool = False
    made_by_enrolment: bool = False


class Contact(Payload):
    """Where a tenant turns to for help, and for what becomes of its data."""

    support: str = Field(pattern=r"^(https://\S+|[^@\s]+@[^@\s]+)$")
    privacy: str = Field(pattern=r"^(https://\S+|[^@\s]+@[^@\s]+)$")


class Needs(Payload):
    """What the plugin's code needs of its runner: memory in MiB, processor seconds a call, packages with native code."""

    memory: int = Field(default=128, ge=16, le=4096)
    seconds: float = Field(default=5.0, gt=0, le=300)
    native: bool = False


class Manifest(Payload):
    """Everything a host and a tenant must know before a plugin runs.

    `hooks` names the optional hooks that the plugin has. `config_schema` is a JSON Schema of type object whose
    properties carry `x-labels` in three languages; `egress` lists host names, or `${field}` for the host in that
    configuration field.
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
    hooks: tuple[str, ...] = ()
    subscriptions: tuple[str, ...] = ()
    secrets: tuple[SecretField, ...] = ()
    egress: tuple[str, ...] = ()
    scopes: tuple[Scope, ...] = ()
    data_classes: tuple[DataClass, ...] = ()
    needs: Needs = Needs()

    @property
    def identity(self) -> str:
        """Publisher and name, the way connections and entry points refer to a plugin."""
        return f"{self.publisher}/{self.name}"

    @property
    def all_hooks(self) -> frozenset[str]:
        """Every hook that the plugin has: those its topics require, and the optional ones it names."""
        required = (fact.name for api in self.api for fact in hooks_of_topic(api).values() if not fact.optional)
        return frozenset(required) | frozenset(self.hooks)

    @classmethod
    def read(cls, path: Path) -> "Manifest":
        """Parse a `plugin.toml`; raises `ManifestInvalid`, `OSError`."""
        try:
            return cls.of(tomllib.loads(path.read_text(encoding="utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ManifestInvalid([f"plugin.toml is no TOML: {error}."]) from error

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> "Manifest":
        """A manifest of these fields, checked as a whole; raises `ManifestInvalid` with every problem found."""
        try:
            manifest = cls.model_validate(fields)
        except ValidationError as error:
            raise ManifestInvalid([_sentence(found) for found in error.errors()]) from error
        problems = list(_problems(manifest))
        if problems:
            raise ManifestInvalid(problems)
        return manifest


def _sentence(error: Any) -> str:
    place = ".".join(str(part) for part in error["loc"])
    if error["type"] == "missing":
        return f"{place} is missing."
    if error["type"] == "extra_forbidden":
        return f"{place} is not a field of a manifest; take it out."
    return f"{place} is {error['input']!r}: {error['msg'].lower()}."


def _problems(manifest: Manifest) -> Iterator[str]:
    yield from _of_hooks(manifest)
    yield from _of_schema(manifest.config_schema)
    yield from _of_secrets(manifest)
    yield from _of_egress(manifest)


def _of_hooks(manifest: Manifest) -> Iterator[str]:
    unknown = [api for api in manifest.api if api not in topics()]
    if unknown:
        yield f"api names {', '.join(unknown)}; this kit knows {', '.join(topics())}."
        return
    offered = {name: fact for api in manifest.api for name, fact in hooks_of_topic(api).items()}
    for name in manifest.hooks:
        if name not in offered:
            yield f"hooks names {name}, which is no hook of {', '.join(manifest.api)}."
        elif not offered[name].optional:
            yield f"hooks names {name}, which every plugin of its topic has; name optional hooks only."
        elif offered[name].status_hook and offered[name].status_hook not in manifest.all_hooks:
            yield f"hooks names {name} without {facts(name).status_hook}, which tells what became of it."
    if manifest.subscriptions and "events/1" not in manifest.api:
        yield "subscriptions are for plugins with events/1 in api."


def _of_schema(schema: Mapping[str, Any]) -> Iterator[str]:
    properties = schema.get("properties", {})
    if schema.get("type") != "object" or not isinstance(properties, Mapping):
        yield 'config_schema must have type = "object".'
        return
    if schema.get("additionalProperties") is not False:
        yield "config_schema must have additionalProperties = false, so that a mistyped field is found."
    for name in schema.get("required", ()):
        if name not in properties:
            yield f"config_schema requires {name}, which is none of its properties."
    for name, field in properties.items():
        if "enum" not in field and field.get("type") not in _TYPES:
            yield f"config_schema.properties.{name} must have an enum, or a type of {', '.join(_TYPES)}."
        for texts in ("x-labels", "x-help"):
            given = field.get(texts, {} if texts == "x-labels" else None)
            if given is not None and not all(given.get(language) for language in _LANGUAGES):
                yield f"config_schema.properties.{name}.{texts} needs {', '.join(_LANGUAGES)}."


def _of_secrets(manifest: Manifest) -> Iterator[str]:
    names = [secret.name for secret in manifest.secrets]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"secrets has {name} twice."
    for secret in manifest.secrets:
        if secret.held_by is Holder.PLUGIN and manifest.runner is not Runner.IN_PROCESS:
            yield f"secrets.{secret.name} is held by the plugin, which only an in-process plugin may do."


def _of_egress(manifest: Manifest) -> Iterator[str]:
    properties = manifest.config_schema.get("properties", {})
    for entry in manifest.egress:
        field = _FIELD.fullmatch(entry)
        if field and properties.get(field[1], {}).get("type") != "string":
            yield f"egress names {entry}, but config_schema has no such field of type string."
        elif not field and not _HOST.fullmatch(entry):
            yield f"egress names {entry}, which is neither a host name in small letters nor ${{field}}."
