"""Jobs whose effects can be counted, in processes of their own: `python -m tests.flow.crash.effects ACT …`."""

import os
import sys
import time
from typing import Any

from sqlalchemy.exc import DBAPIError

from trilend.audit.models import AuditEntry
from trilend.jobs.handlers import Policy, handles
from trilend.jobs.models import Queue
from trilend.jobs.runs import JobRun
from trilend.jobs.service import enqueue_once
from trilend.tenancy.context import bound, tenant_session
from trilend.tenancy.service import tenant_by_slug
from trilend.wiring import load

# Whatever is killed on the way, nobody's patience ends before the test does.
_PATIENT = Policy(attempts=1000, base_seconds=0.2, cap_seconds=1.0)


@handles("effects.note", policy=_PATIENT)
def _note(run: JobRun) -> None:
    """Leave one line in the company's log, in the transaction that calls the job done."""
    session = tenant_session()
    session.add(AuditEntry(actor="chaos", act="effects.note", subject_type="n", subject_id=run.payload["n"]))
    session.flush()
    time.sleep(run.payload["seconds"])
    run.complete(session)
    session.commit()


@handles("effects.batch", queue=Queue.BATCH, policy=_PATIENT)
def _batch(run: JobRun) -> None:
    _note(run)


def produce(slug: str, first: int, count: int, seconds: float) -> None:
    """Ask for jobs and mails until each has been acknowledged; the database may be away meanwhile."""
    for n in range(first, first + count):
        name = "effects.note" if n % 4 else "effects.batch"
        _until_acknowledged(slug, f"effect.{n}", name, {"n": n, "seconds": seconds})
        mail = {"channel": "mail", "recipient": "a@example.com", "subject": str(n), "body": "b"}
        _until_acknowledged(slug, f"mail.{n}", "messages.send", mail)


def die_after_commit(slug: str, n: int) -> None:
    """Commit a job, and end between the commit and the message."""
    from trilend.jobs import wake

    wake.offer = lambda *_: os._exit(9)  # type: ignore[assignment]
    _until_acknowledged(slug, f"effect.{n}", "effects.note", {"n": n, "seconds": 0})


def _until_acknowledged(slug: str, key: str, name: str, payload: dict[str, Any]) -> None:
    while True:
        try:
            with bound(tenant_by_slug(slug)):
                session = tenant_session()
                enqueue_once(session, key, name, payload)
                session.commit()
        except DBAPIError:
            time.sleep(0.1)
        else:
            return


def main(act: str, *arguments: str) -> None:
    """Do one act."""
    from trilend.jobs.processes import work_in_bulkheads

    load()
    if act == "worker":
        work_in_bulkheads({Queue.INTERACTIVE: 3, Queue.BATCH: 2}, metrics_port=0)
    elif act == "produce":
        produce(arguments[0], int(arguments[1]), int(arguments[2]), float(arguments[3]))
    else:
        die_after_commit(arguments[0], int(arguments[1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
