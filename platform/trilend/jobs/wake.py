"""Tells workers that a tenant has work: at most one message for each tenant and queue lies in the broker at a time."""

import os
from functools import cache

import structlog
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from trilend.config import settings
from trilend.jobs.models import Queue

log = structlog.get_logger(__name__)

_MESSAGE_SECONDS = 15


def offer(tenant_id: str | None, queue: Queue) -> bool:
    """Put a tenant at the end of the line of those who have work, unless it stands there already.

    If the broker is away the next look into the tenant will find the work. Says whether a message was sent.
    """
    from trilend.jobs.queue import send_work

    try:
        if _broker(os.getpid()).set(_mark(tenant_id, queue), 1, nx=True, ex=message_seconds()):
            send_work(tenant_id, queue)
            return True
    except (RedisError, OperationalError, OSError) as error:
        log.warning("broker away, work waits for the next look", tenant=tenant_id, error=str(error))
    return False


def message_seconds() -> int:
    """If a message is lost together with whoever held it, the next one may leave after so many seconds."""
    return min(_MESSAGE_SECONDS, settings().job_lease_seconds)


def taken(tenant_id: str | None, queue: Queue) -> None:
    """A worker has the tenant's message: the next work that comes may send another."""
    try:
        _broker(os.getpid()).delete(_mark(tenant_id, queue))
    except (RedisError, OSError) as error:
        log.warning("broker away", tenant=tenant_id, error=str(error))


def _mark(tenant_id: str | None, queue: Queue) -> str:
    return f"trilend:work:{queue}:{tenant_id or 'platform'}"


@cache
def _broker(_process: int) -> Redis:
    url = settings().valkey_url.replace("redis+socket://", "unix://")
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
