"""Keeps the leases of the jobs at work in this process from one thread, and calls back those that take too long."""

import ctypes
import os
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog

from trilend.config import settings
from trilend.jobs.errors import LeaseLost, TookTooLong
from trilend.jobs.handlers import policy_of
from trilend.jobs.runs import JobRun, leave, prolong
from trilend.tenancy.context import BoundTenant

log = structlog.get_logger(__name__)

_TICK = 0.5
_CALL_AGAIN = 30.0
# So long a job that was cut off stays ours after the last statement of this process: long enough to be gone.
_LAST_SECOND = 1.0


@dataclass
class _Held:
    """A job at work: its thread, when it has taken too long, and when its lease is to be prolonged."""

    run: JobRun
    thread: int
    too_late: float
    prolong_at: float


_held: dict[str, _Held] = {}
_lock = threading.Lock()
_keeper: list[tuple[int, threading.Thread]] = []


@contextmanager
def kept(run: JobRun) -> Iterator[None]:
    """Prolong the lease while the handler works, so that only a dead worker loses it.

    `TookTooLong` or `LeaseLost` is raised in the handler's thread when its time is over or somebody else has the job.
    Python delivers it at the next step of Python code: a call that waits outside of Python must have a limit itself.
    """
    limit = policy_of(run.name).limit_seconds
    now = time.monotonic()
    with _lock:
        _held[run.lease_token] = _Held(run, threading.get_ident(), now + limit, now + _interval())
    _have_keeper()
    try:
        yield
    finally:
        with _lock:
            _held.pop(run.lease_token, None)


def cut_off() -> None:
    """End this process now, and leave what is at work to others in a second; does not return."""
    with _lock:
        for tenant, held in _by_tenant(list(_held.values())).items():
            try:
                leave(tenant, [each.run.lease_token for each in held], _LAST_SECOND)
            except Exception:
                log.exception("lease not shortened")
    os._exit(0)


def count() -> int:
    """How many jobs are at work in this process."""
    return len(_held)


def _interval() -> float:
    return settings().job_lease_seconds / 3


def _have_keeper() -> None:
    """One thread for each process; a fork does not inherit it."""
    if _keeper and _keeper[0][0] == os.getpid() and _keeper[0][1].is_alive():
        return
    with _lock:
        if _keeper and _keeper[0][0] == os.getpid() and _keeper[0][1].is_alive():
            return
        thread = threading.Thread(target=_keep, name="leases", daemon=True)
        _keeper[:] = [(os.getpid(), thread)]
        thread.start()


def _keep() -> None:
    while True:
        time.sleep(_TICK)
        now = time.monotonic()
        with _lock:
            held = list(_held.values())
        for each in held:
            if now >= each.too_late:
                each.too_late = now + _CALL_AGAIN
                _call_back(each, TookTooLong)
        for tenant, due in _by_tenant([each for each in held if now >= each.prolong_at]).items():
            _prolong(tenant, due, now)


def _by_tenant(held: list[_Held]) -> dict[BoundTenant | None, list[_Held]]:
    grouped: dict[BoundTenant | None, list[_Held]] = defaultdict(list)
    for each in held:
        grouped[each.run.tenant].append(each)
    return grouped


def _prolong(tenant: BoundTenant | None, held: list[_Held], now: float) -> None:
    try:
        in_force = prolong(tenant, [each.run.lease_token for each in held], settings().job_lease_seconds)
    except Exception:
        # The database is away for a moment: the lease is longer than that, or others may have the job.
        log.exception("lease not prolonged")
        return
    for each in held:
        each.prolong_at = now + _interval()
        if each.run.lease_token not in in_force:
            _call_back(each, LeaseLost)


def _call_back(held: _Held, error: type[Exception]) -> None:
    with _lock:
        if held.run.lease_token in _held:
            log.warning("job called back", job=held.run.name, job_id=held.run.id, why=error.__name__)
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(held.thread), ctypes.py_object(error))
