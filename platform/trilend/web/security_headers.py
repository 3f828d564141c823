"""The headers that tell a browser what our pages may do: nothing that we did not serve ourselves."""

from flask import Flask, Response, g, request

_FORMS = "form-action 'self'"
_SOURCES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    _FORMS,
    "base-uri 'none'",
    "frame-src 'self'",
    "manifest-src 'self'",
)
_PERMISSIONS = ", ".join(
    (
        # Field staff photograph documents and record where a visit took place.
        "camera=(self)",
        "geolocation=(self)",
        *(f"{feature}=()" for feature in ("accelerometer", "gyroscope", "microphone", "payment", "usb", "midi")),
    )
)


def allow_framing_by_this_site() -> None:
    """Lets pages of the same origin show this request's response in a frame, as previews of documents need."""
    g.trilend_framed_by = "'self'"


def allow_forms_to(source: str) -> None:
    """Lets the form of this page lead, by redirect, to one other place; browsers check the whole chain."""
    g.trilend_forms_to = source


def install_security_headers(app: Flask) -> None:
    """Adds the headers to every response of the app; a header that a view has set itself stays."""
    app.after_request(_add_headers)


def content_security_policy(framed_by: str) -> str:
    """The policy of a page that `framed_by` may show in a frame."""
    sources = "; ".join((*_SOURCES, f"frame-ancestors {framed_by}"))
    elsewhere = g.get("trilend_forms_to")
    return sources.replace(_FORMS, f"{_FORMS} {elsewhere}") if elsewhere else sources


def _add_headers(response: Response) -> Response:
    framed_by = g.get("trilend_framed_by", "'none'")
    headers = {
        "Content-Security-Policy": content_security_policy(framed_by),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY" if framed_by == "'none'" else "SAMEORIGIN",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": _PERMISSIONS,
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    if request.is_secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    return response
