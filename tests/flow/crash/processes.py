"""Processes of the platform that are there at once: forked from one that has read all code and done nothing yet."""

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

_READY = get_context("forkserver")
_READY.set_forkserver_preload(["tests.flow.crash.preloaded"])


class Begun:
    """A command of the platform, or an act `module:function`, in a process and a session of its own, to be killed."""

    def __init__(self, command: str, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        self._process = _READY.Process(target=_be, args=(command, arguments, dict(environment), str(log)))
        self._process.start()

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def end(self, seconds: float = 60) -> int | None:
        """Wait until it ends; its exit code, or None if it has not ended."""
        self._process.join(seconds)
        return self._process.exitcode

    def kill(self) -> None:
        """End it and what it has begun as a power cut would; nothing happens when it has ended."""
        if self.is_alive:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid or 0, signal.SIGKILL)
            # Before it had a session of its own.
            self._process.kill()
        self._process.join()


def _be(command: str, arguments: tuple[str, ...], environment: dict[str, str], log: str) -> None:
    os.setsid()
    with open(log, "ab", buffering=0) as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    from trilend.cli.main import main
    from trilend.config import settings

    settings.cache_clear()
    module, _, act = command.partition(":")
    if act:
        getattr(import_module(module), act)(*arguments)
    else:
        sys.argv = ["trilend", command, *arguments]
        main()
