"""The processes that do background work: two bulkheads of workers under one parent, and the beat that looks around."""

import ctypes
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import FrameType

import structlog
from prometheus_client import start_http_server

from trilend.config import settings
from trilend.db.base import now
from trilend.jobs import leases, stopping
from trilend.jobs.models import Queue
from trilend.jobs.queue import configure
from trilend.jobs.rounds import begin_rounds
from trilend.jobs.watch import look_around

log = structlog.get_logger(__name__)

_PR_SET_PDEATHSIG = 1
_PAUSE_BEFORE_NEXT = 1.0


def work_in_bulkheads(threads: Mapping[Queue, int], *, metrics_port: int) -> None:
    """Work until told to stop: each queue in a process of its own, so that neither can take the other's threads.

    The parent has read all code; its children share that memory, are started again when they die, and die with it.
    """
    children: dict[int, Queue] = {}
    ended = threading.Event()

    def end(number: int, _frame: FrameType | None) -> None:
        ended.set()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM if number != signal.SIGQUIT else signal.SIGQUIT)

    signals = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
    before = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        signal.signal(number, end)

    def start(queue: Queue) -> None:
        port = metrics_port + list(Queue).index(queue) if metrics_port else 0
        children[_fork(lambda: work([queue], threads[queue], metrics_port=port), before)] = queue

    for queue in threads:
        start(queue)
    while children:
        child, status = os.wait()
        queue = children.pop(child)
        if not ended.is_set():
            log.warning("workers ended and are started again", queue=queue, status=status)
            time.sleep(_PAUSE_BEFORE_NEXT)
            start(queue)


def work(queues: Sequence[Queue], threads: int, *, metrics_port: int = 0) -> None:
    """Work in this process until told to stop."""
    if metrics_port:
        start_http_server(metrics_port)
    configure().worker_main(
        [
            "worker",
            "--pool=threads",
            f"--concurrency={threads}",
            f"--queues={','.join(queues)}",
            f"--hostname={node_of(queues[0])}",
            "--without-gossip",
            "--without-mingle",
            "--loglevel=WARNING",
        ]
    )


def node_of(queue: Queue) -> str:
    """The name by which the worker of a queue on this machine is asked whether it is there."""
    return f"{queue}@{socket.gethostname()}"


def stop_soon() -> None:
    """Put jobs down at their next safe step; after the grace time leave what is still at work to others."""
    if stopping.is_stopping():
        return
    stopping.tell()

    def enforce() -> None:
        deadline = time.monotonic() + settings().job_grace_seconds
        while time.monotonic() < deadline:
            time.sleep(0.1)
        leases.cut_off()

    threading.Thread(target=enforce, name="grace", daemon=True).start()


def look_around_until(ended: threading.Event) -> None:
    """Look around every few seconds; at once again when there is more than one look can see."""
    while not ended.is_set():
        try:
            begin_rounds(now())
        except Exception:
            log.exception("rounds could not be begun")
        try:
            found = look_around()
        except Exception:
            # Database or broker are away: what is due waits for them in its tables.
            log.exception("could not look around")
            found = 0
        if found < 100:
            ended.wait(settings().job_sweep_seconds)


def beat() -> None:
    """Look around until told to stop."""
    configure()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    look_around_until(ended)


def _fork(act: Callable[[], None], handlers: Mapping[signal.Signals, object]) -> int:
    parent = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    try:
        _die_with(parent)
        for number, handler in handlers.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        act()
    except SystemExit as ending:
        os._exit(ending.code if isinstance(ending.code, int) else 0)
    except BaseException:
        log.exception("workers ended")
        os._exit(1)
    os._exit(0)


def _die_with(parent: int) -> None:
    """The kernel kills this process when the parent dies, however it dies."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:
            os._exit(1)
