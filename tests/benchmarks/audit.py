"""Measures what the chain through the audit log costs writers, against no chain and against a lock taken at the insert.

`python -m tests.benchmarks.audit`; the server writes to disk as in production.
"""

import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from tests import stack
from tests.benchmarks.installation import configured, new_tenant
from tests.offline import offline_settings

SECONDS = 3.0
WORK = 0.01
BULK = 20_000
_LINE = (
    "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) "
    "VALUES ('陈静', 'loan.repaid', 'loan', 1, '', '{\"amount\": \"1234.50\"}')"
)
_BULK = (
    "INSERT INTO audit_entry (actor, act, subject_type, subject_id, reason, details) "
    f"SELECT '陈静', 'party.imported', 'party', n, '', '{{\"name\": \"李秀兰\"}}' FROM generate_series(1, {BULK}) AS n"
)
_EARLY = "SELECT FROM audit_head WHERE id = 1 FOR UPDATE"


def main() -> None:
    """Start a server of its own, measure, print."""
    offline_settings()
    from trilend.wiring import load

    folder = Path(tempfile.mkdtemp(prefix="trilend-bench-"))
    folder.chmod(0o755)
    stack._FAST.update({"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"})
    server = stack.start_server(folder / "postgresql")
    load()
    os.environ["TRILEND_DATABASE_CELLS"] = str(stack.CELLS)
    try:
        database = stack.new_database(server)
        _measure(database, folder)
    finally:
        server.stop()


def _measure(database: stack.Database, folder: Path) -> None:
    with configured(folder, database):
        schema = new_tenant("microfinance").schema
        _line("fsyncs in a second, one writer", f"{_fsyncs(folder):.0f}")
        for work in (0.0, WORK):
            for writers in (1, 4, 8):
                for name, chained, early in (("none", False, False), ("commit", True, False), ("insert", True, True)):
                    rate = _rate(database, schema, writers, work, chained=chained, early=early)
                    _line(f"{writers} writers, {work * 1000:.0f} ms of other work, chain at {name}", f"{rate:.0f}/s")
        for chained in (False, True):
            _line(f"{BULK} lines in one transaction, chained: {chained}", f"{_bulk(database, schema, chained):.2f} s")


def _line(what: str, value: str) -> None:
    sys.stdout.write(f"{what:<62} {value:>12}\n")
    sys.stdout.flush()


def _connect(database: stack.Database, schema: str) -> psycopg.Connection[Any]:
    return psycopg.connect(database.superuser_url, options=f"-csearch_path={schema}")


def _switch(database: stack.Database, schema: str, chained: bool) -> None:
    with _connect(database, schema) as connection:
        connection.execute(
            f"ALTER TABLE audit_entry {'ENABLE' if chained else 'DISABLE'} TRIGGER link_at_commit".encode()
        )


def _rate(database: stack.Database, schema: str, writers: int, work: float, *, chained: bool, early: bool) -> float:
    _switch(database, schema, chained)
    stop = threading.Event()
    counts = [0] * writers

    def write(writer: int) -> None:
        with _connect(database, schema) as connection:
            connection.execute(f"SET ROLE {schema}".encode()) if not early else None
            connection.commit()
            while not stop.is_set():
                if early:
                    connection.execute(_EARLY)
                connection.execute(_LINE.encode())
                time.sleep(work)
                connection.commit()
                counts[writer] += 1

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    before, begun = sum(counts), time.perf_counter()
    time.sleep(SECONDS)
    done, spent = sum(counts) - before, time.perf_counter() - begun
    stop.set()
    for thread in threads:
        thread.join()
    return done / spent


def _bulk(database: stack.Database, schema: str, chained: bool) -> float:
    _switch(database, schema, chained)
    with _connect(database, schema) as connection:
        begun = time.perf_counter()
        connection.execute(_BULK.encode())
        connection.commit()
        return time.perf_counter() - begun


def _fsyncs(folder: Path) -> float:
    begun, count = time.perf_counter(), 0
    with (folder / "probe").open("wb") as file:
        while time.perf_counter() - begun < 1.0:
            file.write(b"x" * 8192)
            file.flush()
            os.fdatasync(file.fileno())
            count += 1
    return count


if __name__ == "__main__":
    main()
