"""Three thousand tenants: what a request, a start, a crash and a backend's memory cost then."""

import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from statistics import median
from typing import Any
from urllib.request import urlopen

import psycopg
from tests.benchmarks.installation import FLEET, PASSWORD, Bench, Row, median_seconds, seconds
from werkzeug.test import Client

_TEN = 10
_REQUESTS = 300
_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def rows(bench: Bench) -> list[Row]:
    """Ten tenants first, then all."""
    tenants = bench.grow_fleet(_TEN)
    assert len(bench.fleet) == _TEN, "to be run before what needs more tenants"
    at_ten = _request_p50(tenants)
    tenants = bench.grow_fleet(FLEET)
    at_all = _request_p50(tenants[:_TEN])
    return [
        {
            "what": f"p50 of a page at {FLEET:,} tenants ÷ at ten ({at_all * 1000:.1f} ÷ {at_ten * 1000:.1f} ms)",
            "value": round(at_all / at_ten, 2),
            "target": "≤ 1.1",
        },
        *_probes(),
        _start_up(bench),
        *_all_served(bench, tenants),
    ]


def _application() -> Any:
    from trilend.app import create_application

    return create_application()


def _sign_in(application: Any, host: str, path: str, username: str) -> Callable[[str], None]:
    client = Client(application)
    base = f"http://{host}:8000"
    token = _CSRF.search(client.get(path, base_url=base).text)
    assert token
    client.post(path, base_url=base, data={"username": username, "password": PASSWORD, "csrf_token": token[1]})

    def get(page: str) -> None:
        answer = client.get(page, base_url=base)
        assert answer.status_code == 200, answer.status

    return get


def _request_p50(tenants: Sequence[str]) -> float:
    """The start page of somebody signed in, in turn with each of the tenants."""
    application = _application()
    people = [_sign_in(application, f"{tenant}.localhost", "/login/", "admin") for tenant in tenants]
    for get in people:
        get("/")
    return median(seconds(lambda: people[number % len(people)]("/")) for number in range(_REQUESTS))  # noqa: B023


def _probes() -> list[Row]:
    from trilend.console.service import add_operator
    from trilend.tenancy.context import RegistrySession
    from trilend.web import health

    with RegistrySession() as registry:
        add_operator(registry, username="bench", name="基准", password=PASSWORD)
        registry.commit()
    application = _application()
    console = _sign_in(application, "console.localhost", "/login", "bench")
    probe = Client(application)

    def ready() -> None:
        health._arrived.clear()
        assert probe.get("/readyz", base_url="http://localhost:8000").status_code == 200

    return [
        {
            "what": f"/readyz at {FLEET:,} tenants, asked for the first time",
            "value": f"{median_seconds(ready, 20) * 1000:.1f} ms",
            "target": "≤ 100 ms",
        },
        {
            "what": f"console list at {FLEET:,} tenants",
            "value": f"{median_seconds(lambda: console('/'), 20) * 1000:.1f} ms",
            "target": "≤ 200 ms",
        },
        {
            "what": f"console's page of migrations at {FLEET:,} tenants",
            "value": f"{median_seconds(lambda: console('/migrations'), 20) * 1000:.1f} ms",
            "target": "stated",
        },
    ]


def _start_up(bench: Bench) -> Row:
    from tests.flow.one_machine.machine import free_ports

    port = free_ports()
    begun = time.perf_counter()
    with (bench.folder / "web.log").open("w") as log:
        web = subprocess.Popen(
            [sys.executable, "-m", "trilend.cli", "web", "--bind", f"127.0.0.1:{port}", "--workers", "1"],
            stdout=log,
            stderr=log,
        )
    try:
        while not _answers(port):
            assert web.poll() is None, (bench.folder / "web.log").read_text()
            time.sleep(0.02)
        spent = time.perf_counter() - begun
    finally:
        web.terminate()
        web.wait()
    return {"what": f"start-up of `trilend web` at {FLEET:,} tenants", "value": f"{spent:.1f} s", "target": "≤ 5 s"}


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _all_served(bench: Bench, tenants: Sequence[str]) -> list[Row]:
    """Everybody is served in random order, and every table of theirs is touched: a backend's worst day."""
    from sqlalchemy import text

    from trilend.tenancy.context import bound, tenant_session
    from trilend.tenancy.service import tenant_by_id

    with psycopg.connect(bench.database.owner_url) as owner:
        tables = owner.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = %s::regnamespace AND relkind = 'r'", (f"t_{tenants[0]}",)
        ).fetchall()
    everything = text(" UNION ALL ".join(f"SELECT count(*) FROM {table}" for (table,) in tables))
    dice = Random(1)
    order = [tenant_by_id(tenant) for tenant in dice.sample(list(tenants), len(tenants))]
    most, spent = 0.0, []

    def serve(tenant: Any) -> None:
        with bound(tenant):
            tenant_session.execute(everything).all()

    for number, tenant in enumerate(order):
        spent.append(seconds(lambda: serve(tenant)))  # noqa: B023
        if number % 100 == 99:
            most = max([most, *_private_megabytes(bench)])
    return [
        {
            "what": f"private memory of the largest backend while {len(tenants):,} tenants are served, all {len(tables)} tables",
            "value": f"{most:.0f} MB",
            "target": "≤ 200 MB",
        },
        {
            "what": f"p50 of touching all {len(tables)} tables of a tenant that no backend has served before",
            "value": f"{median(spent) * 1000:.0f} ms",
            "target": "stated",
        },
    ]


def _private_megabytes(bench: Bench) -> list[float]:
    with psycopg.connect(bench.database.superuser_url) as connection:
        pids = connection.execute("SELECT pid FROM pg_stat_activity WHERE usename LIKE 'trilend%'").fetchall()
    found = []
    for (pid,) in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        found.append(sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024)
    return found


def crash(bench: Bench) -> list[Row]:
    """With what production has on: after a crash the server makes sure of its files before it answers."""
    bench.grow_fleet(FLEET)
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        bench.server._settings[name] = "on"
    bench.server.stop()
    bench.server.start(patience=120)
    with psycopg.connect(bench.database.owner_url) as owner:
        for _ in range(50):
            owner.execute(f"UPDATE t_{bench.fleet[0]}.business_day SET closed_days = {secrets.randbelow(99)}".encode())
            owner.commit()
    bench.server.kill()
    bench.server.forget_former_run()
    spent = seconds(lambda: bench.server.start(patience=120))
    return [{"what": f"restart after a crash at {FLEET:,} tenants", "value": f"{spent:.1f} s", "target": "≤ 3 s"}]
