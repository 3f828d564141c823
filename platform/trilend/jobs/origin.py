"""Who asked for work, in which language, and in which trace: kept with the job and bound again while it runs."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import uuid4

import structlog
from flask import g, has_app_context, has_request_context, request

from trilend.web.error_pages import request_id
from trilend.web.language import DEFAULT_LANGUAGE, current_language

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACE = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Origin:
    """A user's id, the code of a language, and the id of a W3C trace (32 hexadecimal digits)."""

    user: int | None
    language: str
    trace: str


_running: ContextVar[Origin | None] = ContextVar("trilend_origin", default=None)


def here() -> Origin:
    """Where the present work comes from: the running job, else the request, else nobody."""
    running = _running.get()
    if running is not None:
        return running
    language = current_language() if has_app_context() else DEFAULT_LANGUAGE
    if not has_request_context():
        return Origin(None, language, uuid4().hex)
    return Origin(getattr(g.get("user"), "id", None), language, _trace_of_request())


@contextmanager
def within(origin: Origin, **facts: str | int | None) -> Iterator[None]:
    """Bind an origin; every line of the log inside carries it together with `facts`."""
    token = _running.set(origin)
    try:
        with structlog.contextvars.bound_contextvars(trace=origin.trace, user=origin.user, **facts):
            yield
    finally:
        _running.reset(token)


def _trace_of_request() -> str:
    given = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    if given:
        return given[1]
    number = request_id()
    return number if _TRACE.fullmatch(number) else uuid4().hex
