"""Fetches what a company's provider publishes, from public addresses only and never more than a little."""

from typing import Any

import httpx

from trilend.config import settings
from trilend.outward.transport import PublicTransport

_MOST_BYTES = 1024 * 1024
_SECONDS = 8.0


def is_allowed_url(url: str) -> bool:
    """Whether a URL may be asked or linked to: HTTPS, or plain HTTP on a machine on which the operator tries things out."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    schemes = ("https", "http") if settings().allow_loopback_egress else ("https",)
    return parsed.scheme in schemes and bool(parsed.host) and not parsed.userinfo


def client_options() -> dict[str, Any]:
    """How every client of this area is made: guarded, without redirects, and without what the environment says."""
    here = settings().allow_loopback_egress
    return {
        "transport": PublicTransport(seconds=_SECONDS, most_bytes=_MOST_BYTES, here=here),
        "timeout": _SECONDS,
        "follow_redirects": False,
        "trust_env": False,
    }
