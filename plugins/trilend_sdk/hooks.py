"""The markers of Trilend's hooks, what each hook is (reading, effect, call-back), and the topics they belong to."""

import importlib
import inspect
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from types import MappingProxyType, ModuleType
from typing import Any, TypeVar

import pluggy

PROJECT = "trilend"
TOPICS = ("bank", "bureau", "data", "esign", "events", "finance", "lender", "ocr", "office", "sms")

hookimpl = pluggy.HookimplMarker(PROJECT)

_spec = pluggy.HookspecMarker(PROJECT)
_Hook = TypeVar("_Hook", bound=Callable[..., Any])


class Kind(StrEnum):
    """What a hook does to the outside world."""

    READ = "read"
    EFFECT = "effect"
    CALLBACK = "callback"
    EVENT = "event"


@dataclass(frozen=True)
class HookFacts:
    """What host and conformance suite must know of a hook.

    An effect is recorded by the host before it is made, carries an idempotency key in its payload, and after an
    unknown outcome `status_hook` is asked instead of sending again. `deadline` is in seconds. A plugin need not have
    an `optional` hook; the manifest names those that it has.
    """

    name: str
    api: str
    kind: Kind
    payload: str
    payload_type: Any
    result_type: Any
    status_hook: str
    deadline: float
    optional: bool
    summary: str


def hookspec(
    *, effect: str = "", kind: Kind | None = None, optional: bool = False, deadline: float = 20.0
) -> Callable[[_Hook], _Hook]:
    """Mark a hook specification; `effect` names the hook that tells the status of what this one does outside."""

    def mark(hook: _Hook) -> _Hook:
        found = kind or (Kind.EFFECT if effect else Kind.READ)
        hook.trilend = (found, effect, optional, deadline)  # type: ignore[attr-defined]
        return _spec(firstresult=True)(hook)

    return mark


@cache
def topics() -> Mapping[str, ModuleType]:
    """The module of hook specifications of each topic, by its API name (`bank/1`)."""
    modules = (importlib.import_module(f"trilend_sdk.{topic}") for topic in TOPICS)
    return MappingProxyType({module.API: module for module in modules})


@cache
def hooks_of_topic(api: str) -> Mapping[str, HookFacts]:
    """The hooks of a topic in the order of its module, by name; raises `KeyError` for an unknown topic."""
    specification = topics()[api].SPECIFICATION
    marked = ((name, hook) for name, hook in vars(specification).items() if hasattr(hook, "trilend"))
    return MappingProxyType({name: _facts(api, name, hook) for name, hook in marked})


@cache
def facts(hook: str) -> HookFacts:
    """What is to be known of a hook; raises `KeyError`."""
    for api in topics():
        if hook in hooks_of_topic(api):
            return hooks_of_topic(api)[hook]
    raise KeyError(hook)


def implemented(plugin: object) -> frozenset[str]:
    """The names of all hooks that a plugin object implements."""
    members = inspect.getmembers(plugin, lambda member: hasattr(member, f"{PROJECT}_impl"))
    return frozenset(name for name, _ in members)


def _facts(api: str, name: str, hook: Callable[..., Any]) -> HookFacts:
    kind, status_hook, optional, deadline = hook.trilend  # type: ignore[attr-defined]
    hints = typing.get_type_hints(hook)
    payload = next((part for part in hints if part not in ("context", "return")), "")
    summary = (inspect.getdoc(hook) or "").strip()
    return HookFacts(
        name,
        api,
        kind,
        payload,
        hints.get(payload),
        hints["return"],
        status_hook,
        deadline,
        optional,
        summary,
    )
