"""What a plugin author imports: payloads, hooks, errors, manifest and context; it imports nothing of the platform."""

from trilend_sdk.context import HttpClient, HttpRequest, HttpResponse, PluginContext
from trilend_sdk.errors import OutcomeUnknown, PluginError, Retryable, Terminal
from trilend_sdk.hooks import hookimpl, hookspec
from trilend_sdk.manifest import Manifest

__all__ = [
    "HttpClient",
    "HttpRequest",
    "HttpResponse",
    "Manifest",
    "OutcomeUnknown",
    "PluginContext",
    "PluginError",
    "Retryable",
    "Terminal",
    "hookimpl",
    "hookspec",
]
