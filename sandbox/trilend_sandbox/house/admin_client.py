"""The part of an admin API that every sandbox server has, as Python calls."""

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

TIMEOUT_SECONDS = 30.0


class AdminClient:
    """Calls the admin API of a running server; a refusal raises `httpx.HTTPStatusError`."""

    def __init__(self, base_url: str, ca_pem: Path) -> None:
        self._base_url = base_url
        self._tls = ssl.create_default_context(cafile=str(ca_pem))

    def order_fault(self, kind: str, count: int = 1, endpoint: str = "", seconds: float = 2.0) -> None:
        """Let the next calls (of one endpoint, or of any) go wrong."""
        self._call("POST", "/admin/faults", {"kind": kind, "count": count, "endpoint": endpoint, "seconds": seconds})

    def faults(self) -> list[dict[str, Any]]:
        """Faults still to come."""
        return list(self._call("GET", "/admin/faults")["faults"])

    def clear_faults(self) -> None:
        """Let nothing go wrong any more."""
        self._call("DELETE", "/admin/faults")

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        with httpx.Client(base_url=self._base_url, verify=self._tls, timeout=TIMEOUT_SECONDS, trust_env=False) as http:
            answer = http.request(method, path, json=body, params=query)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}
