"""The Python processes of the stack: started, started again when they die, and stopped together."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from trilend.embedded import logs
from trilend.embedded.errors import CannotStart
from trilend.embedded.process import spawn, stop_together

_LONGEST_PAUSE = 30.0
_STEADY_SECONDS = 60.0


@dataclass
class _Child:
    """One process, and how often it has died soon after it was started."""

    arguments: Sequence[str]
    log: Path
    death_signal: signal.Signals
    process: subprocess.Popen[bytes]
    started: float
    said_before: int
    failures: int = 0
    due: float | None = None


class Children:
    """Processes by name, each with a log of its name in the data folder."""

    def __init__(self, folder: Path, say: Callable[[str], None], keep_open: Collection[int]) -> None:
        self._folder = folder
        self._say = say
        self._keep_open = keep_open
        self._children: dict[str, _Child] = {}

    def launch(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        death_signal: signal.Signals = signal.SIGTERM,
        gate: int | None = None,
    ) -> None:
        """Start `python <arguments>`; `death_signal` reaches it if we die without stopping it.

        With a `gate` (the end of a pipe that can be read) it gets ready, and begins when the other end is closed.
        """
        log = self._folder / f"{name}.log"
        logs.trim(log)
        said_before = logs.length(log)
        command = [sys.executable, *arguments, *(("--gate", str(gate)) if gate is not None else ())]
        keep_open = [*self._keep_open, *([gate] if gate is not None else [])]
        process = spawn(command, log=log, death_signal=death_signal, keep_open=keep_open)
        failures = self._children[name].failures if name in self._children else 0
        self._children[name] = _Child(
            arguments, log, death_signal, process, time.monotonic(), said_before, failures=failures
        )

    def require_all(self) -> None:
        """Raise `CannotStart` with a child's own words if one has ended."""
        for name, child in self._children.items():
            if child.process.poll() is not None:
                why = logs.reason(child.log, child.said_before)
                raise CannotStart(f"{name} ended at once ({why}); mend that and start again, {child.log} says more.")

    def revive(self) -> None:
        """Start again what has died: soon at first, later with growing pauses; keep the logs to their size."""
        for name, child in list(self._children.items()):
            logs.trim(child.log)
            if child.process.poll() is None:
                continue
            if child.due is None:
                self._schedule(name, child)
            elif time.monotonic() >= child.due:
                self.launch(name, child.arguments, death_signal=child.death_signal)

    def stop(self, names: Collection[str], *, patience: float) -> None:
        """Ask these to end, all at once; who has not after `patience` seconds is ended."""
        stop_together([child.process for name, child in self._children.items() if name in names], patience=patience)

    def _schedule(self, name: str, child: _Child) -> None:
        steady = time.monotonic() - child.started > _STEADY_SECONDS
        child.failures = 0 if steady else child.failures + 1
        child.due = time.monotonic() + min(_LONGEST_PAUSE, 2.0**child.failures - 1)
        self._say(f"{name} ended ({child.process.returncode}) and is started again; see {child.log}")
