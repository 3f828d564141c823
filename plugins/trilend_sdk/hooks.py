"""The pluggy markers of Trilend's hooks and the topics they belong to."""

from types import MappingProxyType, ModuleType

import pluggy

PROJECT = "trilend"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


def topics() -> MappingProxyType[str, ModuleType]:
    """The module of hook specifications of each topic, by its API name (`bank/1`)."""
    from trilend_sdk import bank, esign

    return MappingProxyType({"bank/1": bank, "esign/1": esign})
