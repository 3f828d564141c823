"""What background work tells Prometheus: how much waits, how long it waited and how long it ran; no tenant is a label."""

from collections.abc import Iterable

from prometheus_client import REGISTRY, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from trilend.db.base import now
from trilend.jobs.models import JobState, Queue, RegistryJob, TenantWork
from trilend.tenancy.context import RegistrySession

_WAITED = Histogram(
    "trilend_job_wait_seconds",
    "From when a job could have run until it did",
    ["queue"],
    buckets=(0.05, 0.2, 1, 5, 20, 60, 300, 1800, 7200),
)
_RUN = Histogram(
    "trilend_job_run_seconds",
    "How long one attempt took",
    ["job", "queue"],
    buckets=(0.01, 0.05, 0.2, 1, 5, 20, 60, 300, 1800),
)
_OUTCOMES = Counter("trilend_job_attempts_total", "Attempts by how they ended", ["job", "queue", "outcome"])


def waited(queue: Queue, seconds: float) -> None:
    """A job was taken so long after it was due."""
    _WAITED.labels(queue.value).observe(seconds)


def ran(job: str, queue: Queue, outcome: str, seconds: float) -> None:
    """An attempt ended: `done`, `retried`, `failed`, `put_down` or `lost`."""
    _RUN.labels(job, queue.value).observe(seconds)
    _OUTCOMES.labels(job, queue.value, outcome).inc()


class JobsCollector(Collector):
    """Jobs of all companies by state and the age of the oldest that waits, as of the last looks: one query a scrape."""

    def collect(self) -> Iterable[Metric]:
        """The gauges; none when the registry does not answer."""
        jobs = GaugeMetricFamily("trilend_jobs", "Jobs by state, of all companies and the platform", labels=["state"])
        oldest = GaugeMetricFamily("trilend_jobs_oldest_due_seconds", "How long the oldest due job has been waiting")
        late = GaugeMetricFamily("trilend_jobs_looks_overdue", "Companies nobody has looked into at their time")
        try:
            with RegistrySession() as registry:
                seen = registry.execute(
                    select(
                        func.coalesce(func.sum(TenantWork.queued), 0).label("queued"),
                        func.coalesce(func.sum(TenantWork.running), 0).label("running"),
                        func.coalesce(func.sum(TenantWork.failed), 0).label("failed"),
                        func.min(TenantWork.waiting_since).label("since"),
                        func.count().filter(TenantWork.look_at < func.now() - func.make_interval(0, 0, 0, 0, 0, 1)),
                    )
                ).one()
                open_states = (JobState.QUEUED, JobState.RUNNING, JobState.FAILED)
                own = dict(
                    registry.execute(
                        select(RegistryJob.state, func.count())
                        .where(RegistryJob.state.in_(open_states))
                        .group_by(RegistryJob.state)
                    ).all()
                )
        except SQLAlchemyError:
            return
        for state in (JobState.QUEUED, JobState.RUNNING, JobState.FAILED):
            jobs.add_metric([state], int(getattr(seen, state)) + own.get(state, 0))
        oldest.add_metric([], (now() - seen.since).total_seconds() if seen.since else 0)
        late.add_metric([], seen[4])
        yield from (jobs, oldest, late)


_installed: list[JobsCollector] = []


def install() -> None:
    """Let `/metrics` of this process tell of the jobs of all companies; once, however often it is called."""
    if not _installed:
        _installed.append(JobsCollector())
        REGISTRY.register(_installed[0])
