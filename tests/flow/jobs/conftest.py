"""A worker process that knows a few jobs of the tests' own, told apart by how long they take."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Worker:
    """The worker processes of this test's installation."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self, interactive: int = 4, batch: int = 1) -> subprocess.Popen[bytes]:
        """Start both bulkheads with so many threads, and wait until they answer."""
        from trilend.jobs.queue import configure

        command = [sys.executable, "-m", "tests.flow.jobs.work", str(interactive), str(batch)]
        with self.log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output)
        self.processes.append(process)
        deadline = time.monotonic() + 40
        while len(configure().control.ping(timeout=1.0)) < 2 * len(self.processes):
            assert process.poll() is None, self.log.read_text()[-2000:]
            assert time.monotonic() < deadline
        return process

    def end(self) -> None:
        """Kill all."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def worker(installation: Any, tmp_path: Path) -> Iterator[Worker]:
    """Workers to be started; killed at the end."""
    made = Worker(tmp_path / "worker.log")
    yield made
    made.end()
