"""What django-tenants costs the same page, measured in the same run."""

import subprocess
import sys
from importlib.util import find_spec
from statistics import median
from typing import Any

import psycopg
from tests.benchmarks.installation import Bench, Row
from tests.benchmarks.peer.site import WITH, WITHOUT

_ROUNDS, _REQUESTS = 15, 300


def rows(bench: Bench) -> list[Row]:
    """The ratio; no line where the package is not installed."""
    if find_spec("django_tenants") is None:
        return []
    with psycopg.connect(bench.database.superuser_url, autocommit=True) as server:
        server.execute("CREATE DATABASE peer")
    url = bench.server.superuser_url("peer")
    sides = [_start(WITH, url), _start(WITHOUT, url)]
    try:
        # The first side has made the tables once it has answered.
        for side in sides:
            _serve(side, 1)
        ratios = []
        for _ in range(_ROUNDS):
            with_tenancy, without = (_serve(side, _REQUESTS) for side in sides)
            ratios.append(without / with_tenancy)
    finally:
        for side in sides:
            side.stdin.close()
            side.wait(30)
    return [
        {
            "what": "requests/s of a one-query page with django-tenants ÷ Django without",
            "value": round(median(ratios), 3),
            "target": "for comparison",
        }
    ]


def _start(side: str, url: str) -> Any:
    command = [sys.executable, "-m", "tests.benchmarks.peer.site", side, url]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _serve(side: Any, requests: int) -> float:
    side.stdin.write(f"{requests}\n")
    side.stdin.flush()
    return float(side.stdout.readline())
