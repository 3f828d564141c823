"""Installed plugins, found by entry point; their manifests are read without running their code."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

import pluggy

from trilend.plugin_host.errors import UnknownPlugin
from trilend_sdk.hooks import PROJECT, topics
from trilend_sdk.manifest import Manifest


@dataclass(frozen=True)
class InstalledPlugin:
    """A plugin on this machine: its manifest, and the way to its code."""

    manifest: Manifest
    entry: EntryPoint

    @property
    def identity(self) -> str:
        """Publisher and name."""
        return self.manifest.identity


@cache
def installed() -> Mapping[str, InstalledPlugin]:
    """All installed plugins by identity."""
    found = (
        InstalledPlugin(Manifest.read(_manifest_path(entry)), entry) for entry in entry_points(group="trilend.plugins")
    )
    return {plugin.identity: plugin for plugin in sorted(found, key=lambda plugin: plugin.identity)}


def plugin(identity: str) -> InstalledPlugin:
    """One installed plugin; raises `UnknownPlugin`."""
    try:
        return installed()[identity]
    except KeyError as error:
        raise UnknownPlugin(identity) from error


@cache
def hooks_of(identity: str) -> pluggy.HookRelay:
    """The hooks of exactly one plugin.

    Each plugin gets a manager of its own: in a shared one a raising plugin would abort the call for the others, and
    cached subsets would also call plugins registered later.
    """
    found = plugin(identity)
    manager = pluggy.PluginManager(PROJECT)
    specifications = topics()
    for api in found.manifest.api:
        manager.add_hookspecs(specifications[api].SPECIFICATION)
    manager.register(found.entry.load().PLUGIN, name=identity)
    manager.check_pending()
    return manager.hook


def _manifest_path(entry: EntryPoint) -> Path:
    spec = find_spec(entry.module)
    if spec is None or spec.origin is None:
        raise UnknownPlugin(entry.name)
    return Path(spec.origin).with_name("plugin.toml")
