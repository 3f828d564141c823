"""Runs jobs: one tenant's for a slice of time, then it is the next tenant's turn."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import structlog
from flask_babel import gettext
from sqlalchemy import func
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.db.base import now
from trilend.errors import TrilendError
from trilend.jobs import leases, metrics, runs, stopping, wake, watch
from trilend.jobs.errors import KillsWorkers, LeaseLost, TookTooLong, WorkerStopping
from trilend.jobs.handlers import handlers, policy_of
from trilend.jobs.models import JobState, Queue
from trilend.jobs.origin import within
from trilend.jobs.runs import JobRun
from trilend.tenancy.context import bound
from trilend.tenancy.service import tenant_by_id
from trilend_sdk.errors import PluginError

log = structlog.get_logger(__name__)

# So long a thread serves one tenant before the next in line has its turn (a job that takes longer is finished first).
SLICE_SECONDS = 0.25

Surroundings = Callable[[str], AbstractContextManager[object]]
_surroundings: list[Surroundings] = [lambda _language: nullcontext()]


AfterFailure = Callable[[Session, JobRun, str], None]
_after_failure: list[AfterFailure] = []


def when_failed(tell: AfterFailure) -> AfterFailure:
    """Have a function write into the transaction in which a tenant's job fails for good; it is given the reason."""
    _after_failure.append(tell)
    return tell


def run_within(surroundings: Surroundings) -> None:
    """Run every handler inside of a context for a language, so that its texts come out in it."""
    _surroundings[:] = [surroundings]


def work(tenant_id: str | None, queue: Queue) -> int:
    """Do what a tenant has to do in a queue, for a slice of time; returns how many jobs were run.

    A message can do no more than this: whatever its sender claims, only what the tenant's own table holds is run.
    """
    wake.taken(tenant_id, queue)
    if stopping.is_stopping():
        # Back into the line, for a worker that stays.
        wake.offer(tenant_id, queue)
        return 0
    tenant = tenant_by_id(tenant_id) if tenant_id else None
    run = runs.claim(tenant, queue)
    if run is not None and run.more:
        wake.offer(tenant_id, queue)
    ran, end = 0, time.monotonic() + SLICE_SECONDS
    while run is not None:
        ran += 1
        run = _run(run, and_next=lambda: time.monotonic() < end and not stopping.is_stopping())
    return ran


def run_job(tenant_id: str | None, job_id: int) -> bool:
    """Claim and run one job; False when somebody else has it, or it is done. Never raises for a failing handler."""
    tenant = tenant_by_id(tenant_id) if tenant_id else None
    run = runs.claim_one(tenant, job_id)
    if run is None:
        return False
    _run(run, and_next=lambda: False)
    return True


def _run(run: JobRun, *, and_next: Callable[[], bool]) -> JobRun | None:
    """Run one job; gives the tenant's next one if there is time for it and one is due."""
    begun = time.perf_counter()
    metrics.waited(run.queue, run.waited)
    with within(
        run.origin, job=run.name, job_id=run.id, attempt=run.attempt, tenant=run.tenant.id if run.tenant else None
    ):
        outcome, next_run = _carry_out(run, and_next)
    metrics.ran(run.name, run.queue, outcome, time.perf_counter() - begun)
    return next_run


def _carry_out(run: JobRun, and_next: Callable[[], bool]) -> tuple[str, JobRun | None]:
    more = False
    next_run: JobRun | None = None
    try:
        result = _act(run)
    except LeaseLost:
        log.warning("job is somebody else's by now")
        return "lost", None
    except WorkerStopping:
        more = _put_down(run)
        outcome = "put_down"
    except Exception as error:
        # The task's edge: whatever a handler raises becomes a state of its row.
        log.exception("job failed")
        outcome, more = _settle_failure(run, error)
    else:
        outcome = "done"
        if and_next():
            next_run = runs.claim(run.tenant, run.queue) if run.completed else runs.finish_and_claim(run, result)
        elif run.completed:
            more = runs.more_due(run)
        else:
            more = runs.settle(run, **run.done(result))
    if more:
        wake.offer(run.tenant.id if run.tenant else None, run.queue)
    return outcome, next_run


def _act(run: JobRun) -> dict[str, Any]:
    if run.lost_leases >= settings().job_lost_leases:
        raise KillsWorkers(run.lost_leases)
    with (
        _surroundings[0](run.origin.language),
        leases.kept(run),
        bound(run.tenant) if run.tenant else nullcontext(),
    ):
        return handlers()[run.name].act(run) or {}


def _put_down(run: JobRun) -> bool:
    """Give a job back as it was before this attempt: whoever is free goes on with it at once."""
    runs.settle(run, state=JobState.QUEUED, attempts=run.attempt - 1)
    return True


def _settle_failure(run: JobRun, error: Exception) -> tuple[str, bool]:
    # What says that a later attempt may succeed is attempted until it does: a transfer whose end is not known may not
    # be left like that because the bank was away for long, or because workers died on the way.
    policy = policy_of(run.name)
    final = not error.retry if isinstance(error, TrilendError) else run.attempt >= policy.attempts
    with _surroundings[0](run.origin.language):
        note = _explanation(error)
    if final:
        result = {"error": type(error).__name__}
        with _surroundings[0](run.origin.language):
            more = runs.settle(
                run, _told(run, note), state=JobState.FAILED, finished_at=func.now(), result=result, note=note
            )
        _hint(run, 0.0)
        return "failed", more
    delay = policy.delay(run.attempt)
    more = runs.settle(run, state=JobState.QUEUED, not_before=func.now() + timedelta(seconds=delay), note=note)
    _hint(run, delay)
    return "retried", more


def _told(run: JobRun, why: str) -> Callable[[Session], None] | None:
    if run.tenant is None:
        return None

    def tell(session: Session) -> None:
        for each in _after_failure:
            each(session, run, why)

    return tell


def _hint(run: JobRun, seconds: float) -> None:
    """Let the registry know when to look again; if this is lost, the look at the end of the lease finds the job."""
    if run.tenant is not None:
        watch.look_by(run.tenant.id, now() + timedelta(seconds=seconds))


def _explanation(error: Exception) -> str:
    """What a person may read of a failure: errors that are not made for people may tell what they should not."""
    if isinstance(error, (TrilendError, PluginError)):
        return str(error)[:500]
    if isinstance(error, TookTooLong):
        return str(gettext("The work took longer than it may and was stopped."))
    return str(gettext("The work stopped at a fault of the system, which has been logged."))
