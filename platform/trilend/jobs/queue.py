"""The Celery application: one task that runs a job row, and one that sweeps for jobs nobody holds."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from celery import Celery
from celery.schedules import crontab
from kombu.exceptions import OperationalError

from trilend.config import settings
from trilend.jobs import service

log = structlog.get_logger(__name__)

app = Celery("trilend")
_SHANGHAI = ZoneInfo("Asia/Shanghai")


def configure() -> Celery:
    """Configure the Celery application from settings; call it once per process, before sending or working."""
    if app.conf.get("broker_url"):
        return app
    configured = settings()
    app.conf.update(
        broker_url=configured.valkey_url,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        broker_connection_retry_on_startup=True,
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        timezone="Asia/Shanghai",
        beat_schedule={
            "sweep": {"task": "trilend.sweep", "schedule": float(configured.job_sweep_seconds)},
            "sweep-stores": {"task": "trilend.sweep_stores", "schedule": crontab(hour=3, minute=40)},
            "watch-papers": {
                "task": "trilend.registry_job",
                "args": ["company.watch_papers"],
                "schedule": crontab(hour=8, minute=30),
            },
            "check-domains": {
                "task": "trilend.registry_job",
                "args": ["company.check_domains"],
                "schedule": crontab(minute="*/10"),
            },
            "fleet": {"task": "trilend.look_after_fleet", "schedule": 60.0},
            "end-of-day": {"task": "trilend.end_of_day", "schedule": crontab(hour=0, minute=10)},
            "audit-anchors": {"task": "trilend.anchor_audit_logs", "schedule": crontab(hour=0, minute=40)},
        },
    )
    return app


@app.task(name="trilend.run_job")  # type: ignore[untyped-decorator]
def run_job(tenant_id: str | None, job_id: int) -> None:
    """Run one job row; the row, not the message, says whether there is anything to do."""
    service.run_job(tenant_id, job_id)


@app.task(name="trilend.sweep", expires=30)  # type: ignore[untyped-decorator]
def sweep() -> None:
    """Send again every due job that nobody holds."""
    service.sweep(send_job)


@app.task(name="trilend.end_of_day")  # type: ignore[untyped-decorator]
def end_of_day() -> None:
    """Close, in every tenant, the days that are over in the time zone of its business."""
    yesterday = datetime.now(_SHANGHAI).date() - timedelta(days=1)
    service.enqueue_for_all("parameters.close_days", {"last": yesterday.isoformat()})


@app.task(name="trilend.sweep_stores")  # type: ignore[untyped-decorator]
def sweep_stores() -> None:
    """Have every tenant's store of files swept."""
    service.enqueue_for_all("storage.sweep", {})


@app.task(name="trilend.registry_job", expires=300)  # type: ignore[untyped-decorator]
def registry_job(name: str) -> None:
    """Add a job of the platform's own, unless one of this name still waits."""
    service.enqueue_once(name)


@app.task(name="trilend.anchor_audit_logs")  # type: ignore[untyped-decorator]
def anchor_audit_logs() -> None:
    """Check, in every tenant, what came to its audit log, and have the log's end signed."""
    service.enqueue_for_all("auditing.anchor", {})


def send_job(tenant_id: str | None, job_id: int) -> None:
    """Tell the workers of a job; if the broker is away the sweep will tell them later."""
    configure()
    arguments: list[Any] = [tenant_id, job_id]
    try:
        run_job.apply_async(arguments, retry=False)
    except OperationalError as error:
        log.warning("broker away, job waits for the sweep", job_id=job_id, error=str(error))
