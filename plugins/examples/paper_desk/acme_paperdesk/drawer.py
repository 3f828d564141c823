"""The drawer: what other plugins find at a bank or a lender, here in the connection's store."""

import hashlib
import hmac
from collections.abc import Callable
from typing import TypeVar

from trilend_sdk import CallbackRefused, CallbackRequest, PluginContext
from trilend_sdk.payload import EffectResult, Payload

Kept = TypeVar("Kept", bound=Payload)
Result = TypeVar("Result", bound=EffectResult)


def once(context: PluginContext, hook: str, key: str, make: Callable[[str], Result]) -> Result:
    """Do an effect unless it was done under this key, and remember what came of it; `make` is given a reference."""
    known = recall(context, key, make("").__class__)
    if known is not None:
        return known
    made = make(f"R-{hashlib.sha256(key.encode()).hexdigest()[:12]}")
    context.store.put(key, made.model_dump_json().encode())
    number = int(context.store.get(f"done {hook} {key}") or b"0")
    context.store.put(f"done {hook} {key}", str(number + 1).encode())
    return made


def recall(context: PluginContext, key: str, kind: type[Kept]) -> Kept | None:
    """What is kept under a key."""
    kept = context.store.get(key)
    return None if kept is None else kind.model_validate_json(kept)


def append(context: PluginContext, name: str, value: Payload) -> None:
    """Put a value at the end of a list."""
    lines = (context.store.get(name) or b"") + value.model_dump_json().encode() + b"\n"
    context.store.put(name, lines)


def listed(context: PluginContext, name: str, kind: type[Kept]) -> list[Kept]:
    """A list in the order in which it was written."""
    return [kind.model_validate_json(line) for line in (context.store.get(name) or b"").splitlines()]


def page(values: list[Kept], cursor: str, limit: int) -> tuple[tuple[Kept, ...], str, bool]:
    """The values after a cursor, the next cursor, and whether there are more."""
    start = int(cursor or 0)
    end = min(start + limit, len(values))
    return tuple(values[start:end]), str(end), end < len(values)


def stamped(context: PluginContext, request: CallbackRequest) -> bytes:
    """The content of a call-back whose stamp is right; raises `CallbackRefused`."""
    stamp = hmac.new(context.secrets["stamp"].encode(), request.content, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(stamp, request.headers.get("x-stamp", "")):
        raise CallbackRefused("The stamp of the call-back is wrong.")
    return request.content
