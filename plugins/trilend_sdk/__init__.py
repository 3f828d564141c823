"""What a plugin author imports: payloads, hooks, errors, manifest and context; it imports nothing of the platform."""

from trilend_sdk.context import (
    BasicAuth,
    FileServer,
    HttpClient,
    HttpRequest,
    HttpResponse,
    OAuthClient,
    PluginContext,
)
from trilend_sdk.errors import CallbackRefused, OutcomeUnknown, PluginError, Retryable, Terminal
from trilend_sdk.hooks import hookimpl
from trilend_sdk.manifest import Manifest, ManifestInvalid
from trilend_sdk.payload import CallbackAnswer, CallbackRequest, CheckResult, EffectQuery

__all__ = [
    "BasicAuth",
    "CallbackAnswer",
    "CallbackRefused",
    "CallbackRequest",
    "CheckResult",
    "EffectQuery",
    "FileServer",
    "HttpClient",
    "HttpRequest",
    "HttpResponse",
    "Manifest",
    "ManifestInvalid",
    "OAuthClient",
    "OutcomeUnknown",
    "PluginContext",
    "PluginError",
    "Retryable",
    "Terminal",
    "hookimpl",
]
