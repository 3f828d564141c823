"""Worker and beat as processes of their own, to be killed without warning."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


class Workers:
    """The worker processes of this test's installation: at most one works, and it can be killed at any moment."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._started: list[subprocess.Popen[bytes]] = []
        self._working: subprocess.Popen[bytes] | None = None

    def start(self, name: str = "worker") -> subprocess.Popen[bytes]:
        """Start a process of the platform with the installation's environment, as production does."""
        with self._log.open("ab") as log:
            process = subprocess.Popen([sys.executable, "-m", "trilend.cli", name], stdout=log, stderr=log)
        self._started.append(process)
        return process

    def work(self) -> None:
        """Let one worker work."""
        self._working = self.start()

    def kill(self) -> None:
        """Kill the worker as a power cut would; asserts that it was alive until then."""
        assert self._working is not None
        assert self._working.poll() is None, self._log.read_text(errors="replace")[-2000:]
        self._working.send_signal(signal.SIGKILL)
        self._working.wait()

    def end(self) -> None:
        """Kill all."""
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.wait()


@pytest.fixture
def workers(installation: object, tmp_path: Path) -> Iterator[Workers]:
    """Worker processes, and a beat beside them that finds what a killed one has left."""
    assert os.environ["TRILEND_JOB_LEASE_SECONDS"] == "3"
    made = Workers(tmp_path / "workers.log")
    made.start("beat")
    yield made
    made.end()
