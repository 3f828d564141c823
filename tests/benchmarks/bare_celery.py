"""The workers of both sides of the benchmark of jobs; `python -m tests.benchmarks.bare_celery SIDE THREADS`."""

import os
import sys
from functools import cache

from celery import Celery
from sqlalchemy import Engine, create_engine, text

STATEMENT = (
    "INSERT INTO {table} (actor, act, subject_type, subject_id, reason, details) VALUES ('a', 'b', 'c', 1, '', '{{}}')"
)

app = Celery("bare")
app.conf.update(
    broker_url=os.environ.get("TRILEND_BENCH_BROKER_URL"),
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    task_default_queue="bare",
    worker_send_task_events=False,
    worker_prefetch_multiplier=4,
)


@cache
def engine() -> Engine:
    """No tenant, no role: the tables are named in full."""
    url = os.environ["TRILEND_BENCH_SUPERUSER_URL"]
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=8)


@app.task(name="bare.note")  # type: ignore[untyped-decorator]
def note(schema: str) -> None:
    """One statement in one transaction."""
    with engine().begin() as connection:
        connection.execute(text(STATEMENT.format(table=f"{schema}.audit_entry")))


def main(side: str, threads: str) -> None:
    """Work until told to stop."""
    if side == "bare":
        options = ["--pool=threads", f"--concurrency={threads}", "--without-gossip", "--without-mingle"]
        app.worker_main(["worker", *options, "--loglevel=ERROR"])
        return
    from trilend.jobs.models import Queue
    from trilend.jobs.processes import work
    from trilend.jobs.service import JobRun, handles
    from trilend.tenancy.context import tenant_session
    from trilend.wiring import load

    load()

    @handles("bench.note")
    def _note(run: JobRun) -> None:
        session = tenant_session()
        session.execute(text(STATEMENT.format(table="audit_entry")))
        session.commit()

    work([Queue.INTERACTIVE], int(threads))


if __name__ == "__main__":
    main(*sys.argv[1:])
