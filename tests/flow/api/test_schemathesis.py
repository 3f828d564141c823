"""The interface keeps to its own description, whatever is sent: schemathesis with all its checks, against a server."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import HostClient
from tests.flow.api.conftest import STAFF
from werkzeug.serving import make_server

from trilend.api import rates
from trilend.identity.scopes import SCOPES
from trilend.identity.service import add_api_client
from trilend.tenancy.context import bound, tenant_session

# A write may be refused by rules that no schema tells (a check digit, a limit of law, a key used for another request).
# Reads have no such excuse: what fits their description is answered.
_SETTINGS = """
[[operations]]
include-method = "POST"
checks.positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]
"""
_SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"


@dataclass(frozen=True)
class Served:
    """A company's interface at a port, with a token of a program that may do everything."""

    port: int
    host: str
    token: str


@pytest.fixture(scope="module")
def served(application: Any, new_tenant: Callable[..., Any]) -> Iterator[Served]:
    rates._away_until[0] = time.monotonic() + 3600
    company = new_tenant()
    with bound(company):
        client, secret = add_api_client(tenant_session(), STAFF, name="schemathesis", scopes=tuple(SCOPES))
        form = {"grant_type": "client_credentials", "client_id": client.client_id, "client_secret": secret}
        tenant_session.commit()
    host = f"{company.slug}.localhost"
    token = HostClient(application, host).post("/oauth/token", data=form).json["access_token"]
    getLogger("werkzeug").setLevel("ERROR")
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Served(server.server_port, host, token)
    server.shutdown()
    rates._away_until[0] = 0.0


@pytest.mark.slow
def test_whatever_is_sent_the_interface_does_as_it_says(served: Served, tmp_path: Path) -> None:
    """For a longer look set SCHEMATHESIS_EXAMPLES=100 and SCHEMATHESIS_PHASES=examples,coverage,fuzzing,stateful."""
    base = f"http://127.0.0.1:{served.port}/api/v1"
    (tmp_path / "schemathesis.toml").write_text(_SETTINGS)
    ended = subprocess.run(
        [
            *(_SCHEMATHESIS, "run", f"{base}/_openapi", "--url", base),
            *("--header", f"Host: {served.host}", "--header", f"Authorization: Bearer {served.token}"),
            *("--phases", os.environ.get("SCHEMATHESIS_PHASES", "examples,coverage,fuzzing")),
            *("--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "3")),
            *("--checks", "all", "--seed", "1", "--no-color", "--workers", "1"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "19 selected / 19 total" in ended.stdout
