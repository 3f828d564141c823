"""The Celery application: one task, which says that a tenant has work. What the work is stands in its table."""

from typing import Any

import structlog
from celery import Celery
from celery.signals import worker_shutting_down
from kombu.entity import Exchange
from kombu.entity import Queue as BrokerQueue

from trilend.config import settings
from trilend.jobs import running
from trilend.jobs.models import Queue
from trilend.jobs.wake import offer
from trilend.tenancy.errors import UnknownTenant

log = structlog.get_logger(__name__)

app = Celery("trilend")


def configure() -> Celery:
    """Configure the Celery application from settings; call it once per process, before sending or working.

    Only JSON is read: whatever else lies in the broker is refused before anything of it is looked at.
    """
    if app.conf.get("broker_url"):
        return app
    app.conf.update(
        broker_url=settings().valkey_url,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_queues=[_broker_queue(queue) for queue in Queue],
        task_default_queue=Queue.INTERACTIVE,
        task_create_missing_queues=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},
        # One more for each thread, no less: with `worker_disable_prefetch` a worker whose threads were all busy looks at
        # the broker again only after a second (119 tasks/s instead of 511).
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        timezone="Asia/Shanghai",
    )
    return app


def _broker_queue(queue: Queue) -> BrokerQueue:
    """With an exchange of its own: a queue without one would get the default queue's messages too."""
    return BrokerQueue(queue.value, Exchange(queue.value), routing_key=queue.value)  # type: ignore[no-untyped-call]


@app.task(name="trilend.work")  # type: ignore[untyped-decorator]
def work(tenant_id: str | None, queue: str) -> None:
    """Do what a tenant has to do; of a message that nobody can have meant nothing is done."""
    try:
        running.work(tenant_id, Queue(queue))
    except (UnknownTenant, ValueError) as error:
        log.warning("message refused", tenant=tenant_id, queue=queue, why=type(error).__name__)


@app.task(name="trilend.run_job")  # type: ignore[untyped-decorator]
def run_job(tenant_id: str | None, _job_id: int) -> None:
    """The message of the release before: as good as a word that the tenant has work."""
    for queue in Queue:
        offer(tenant_id, queue)


def send_work(tenant_id: str | None, queue: Queue) -> None:
    """Put a message for a tenant at the end of a queue; raises `kombu.exceptions.OperationalError`."""
    configure()
    arguments: list[Any] = [tenant_id, queue]
    work.apply_async(arguments, queue=queue, retry=False)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def _stop(**_: Any) -> None:
    from trilend.jobs.processes import stop_soon

    stop_soon()
