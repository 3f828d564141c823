"""Tasks that a worker does in a second: as rows with a tenant bound, and by bare Celery without either."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from tests.benchmarks.installation import Bench, Row

from trilend.embedded.valkey import ValkeyServer

TASKS = 3000
TENANTS = 20
THREADS = 4


def rows(bench: Bench, rounds: int = 3) -> list[Row]:
    """Tasks each second.

    Both sides: the same statement in a transaction of its own, the same broker, one worker process with as many
    threads, all tasks waiting when it begins; the clock runs from the first task done to the last.
    """
    folder = bench.folder / "jobs"
    folder.mkdir()
    os.environ["TRILEND_BENCH_SUPERUSER_URL"] = bench.database.superuser_url
    tenants = _tenants()
    # A broker of its own for each side: neither finds what the other has left.
    broker = ValkeyServer(folder / "valkey")
    broker.start()
    os.environ["TRILEND_BENCH_BROKER_URL"] = broker.url
    try:
        ours, bare = [], []
        for _ in range(rounds):
            bare.append(_bare(folder, tenants))
            ours.append(_ours(folder, tenants))
    finally:
        broker.stop()
    best = max(ours), max(bare)
    return [
        {
            "what": f"tasks/s as rows with tenant ÷ bare Celery ({best[0]:.0f} ÷ {best[1]:.0f})",
            "value": round(best[0] / best[1], 2),
            "target": "≥ 0.8",
        }
    ]


def _tenants() -> list[Any]:
    from tests.benchmarks.installation import new_tenant

    return [new_tenant("broker") for _ in range(TENANTS)]


def _ours(folder: Path, tenants: Sequence[Any]) -> float:
    """Job rows, spread over tenants, done by `trilend worker` as it is."""
    from trilend.jobs.service import enqueue_many
    from trilend.tenancy.context import bound, tenant_session

    for tenant in tenants:
        with bound(tenant):
            session = tenant_session()
            enqueue_many(session, "bench.note", [{} for _ in range(TASKS // TENANTS)])
            session.commit()
    return _rate(folder, "ours", tenants)


def _bare(folder: Path, tenants: Sequence[Any]) -> float:
    """Celery tasks that do the same statement through SQLAlchemy, in the same tables."""
    from tests.benchmarks.bare_celery import app, note

    app.conf.broker_url = os.environ["TRILEND_BENCH_BROKER_URL"]
    for number in range(TASKS):
        note.apply_async([tenants[number % TENANTS].schema])
    return _rate(folder, "bare", tenants)


@contextmanager
def _worker(folder: Path, side: str) -> Iterator[None]:
    as_many = {"TRILEND_JOBS_PER_TENANT": str(THREADS), "TRILEND_DATABASE_POOL_KEPT": str(THREADS)}
    with (folder / f"{side}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.bare_celery", side, str(THREADS)],
            stdout=log,
            stderr=log,
            env=os.environ | as_many,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _rate(folder: Path, side: str, tenants: Sequence[Any]) -> float:
    from tests.benchmarks.bare_celery import engine

    counts = " + ".join(f"(SELECT count(*) FROM {tenant.schema}.audit_entry)" for tenant in tenants)
    with engine().connect() as connection, _worker(folder, side):

        def done() -> int:
            connection.rollback()
            return int(connection.execute(text(f"SELECT {counts}")).scalar_one())

        before, deadline = done(), time.monotonic() + 60
        while (first := done() - before) == 0:
            assert time.monotonic() < deadline, "no task was done"
            time.sleep(0.05)
        begun = time.perf_counter()
        while (count := done() - before) < TASKS:
            assert time.monotonic() < deadline, f"{count} of {TASKS} tasks were done"
            time.sleep(0.1)
        return (TASKS - first) / (time.perf_counter() - begun)
