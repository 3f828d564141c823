"""Worker and beat as processes of their own, to be killed without warning."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.flow.crash.processes import Begun


class Workers:
    """The worker processes of this test's installation: at most one works, and it can be killed at any moment."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._started: list[Begun] = []
        self._working: Begun | None = None

    def start(self, name: str = "worker") -> Begun:
        """Start a process of the platform with the installation's environment, as production does."""
        process = Begun(name, environment=os.environ, log=self._log)
        self._started.append(process)
        return process

    def work(self) -> None:
        """Let one worker work."""
        self._working = self.start()

    def kill(self) -> None:
        """Kill the worker as a power cut would; asserts that it was alive until then."""
        assert self._working is not None
        assert self._working.is_alive, self._log.read_text(errors="replace")[-2000:]
        self._working.kill()

    def end(self) -> None:
        """Kill all."""
        for process in self._started:
            process.kill()


@pytest.fixture
def workers(installation: object, tmp_path: Path) -> Iterator[Workers]:
    """Worker processes, and a beat beside them that finds what a killed one has left."""
    assert os.environ["TRILEND_JOB_LEASE_SECONDS"] == "3"
    made = Workers(tmp_path / "workers.log")
    made.start("beat")
    yield made
    made.end()
