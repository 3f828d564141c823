"""A worker with jobs that take a time of their own: `python -m tests.flow.jobs.work INTERACTIVE BATCH` threads."""

import os
import sys
import time

from trilend.jobs.handlers import handles
from trilend.jobs.models import Queue
from trilend.jobs.processes import work_in_bulkheads
from trilend.jobs.runs import JobRun
from trilend.wiring import load


@handles("work.short")
def _short(run: JobRun) -> None:
    time.sleep(run.payload.get("seconds", 0))


@handles("work.night", queue=Queue.BATCH)
def _night(run: JobRun) -> None:
    time.sleep(run.payload["seconds"])


@handles("work.steps")
def _steps(run: JobRun) -> None:
    for step in range(200):
        time.sleep(0.1)
        run.progress(step + 1, 200)


@handles("work.kill")
def _kill(run: JobRun) -> None:
    os._exit(9)


if __name__ == "__main__":
    load()
    work_in_bulkheads({Queue.INTERACTIVE: int(sys.argv[1]), Queue.BATCH: int(sys.argv[2])}, metrics_port=0)
