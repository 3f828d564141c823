"""Start and stop a sandbox server as a process of its own, for tests and for one-machine stacks."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, ClassVar, Generic, Self, TypeVar

from trilend_sandbox.house.admin_client import AdminClient
from trilend_sandbox.house.errors import StartFailure
from trilend_sandbox.house.server import READY

STOP_SECONDS = 10
Admin = TypeVar("Admin", bound=AdminClient)
SOURCE_ROOT = Path(__file__).parents[2]


class SandboxProcess(Generic[Admin]):
    """A running sandbox server; a subclass names its package and the class of its admin API.

    `base_url` is where it listens, `ca_pem` the file of the authority to trust, `admin` its admin API.
    """

    package: ClassVar[str]
    admin_type: type[Admin]

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        """Start the server and wait until it answers; port 0 takes a free one.

        Raises `StartFailure` with the server's own sentence when it cannot start.
        """
        self.data_dir = data_dir
        # A file, not a pipe: nobody reads the server's complaints while it runs, and a full pipe would stop it.
        with tempfile.TemporaryFile() as complaints:
            self._process = subprocess.Popen(  # noqa: S603 our own module, no outside input
                [sys.executable, "-m", self.package, "--port", str(port), "--data-dir", str(data_dir)],
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                env=_environment(),
            )
            self.base_url = self._wait_until_ready(complaints)
        self.ca_pem = data_dir / "ca.pem"
        self.admin = self.admin_type(self.base_url, self.ca_pem)

    @property
    def port(self) -> int:
        """The port the server listens on."""
        return int(self.base_url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def stop(self) -> int:
        """Ask the server to stop and wait for it; its exit code."""
        return self._end(self._process.terminate)

    def kill(self) -> int:
        """End the server without warning, as a power cut would; its exit code."""
        return self._end(self._process.kill)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self, complaints: IO[bytes]) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if READY in line:
            return line.partition(READY)[2].strip()
        self._process.communicate()
        complaints.seek(0)
        raise StartFailure(complaints.read().decode().strip() or "the server did not start.")

    def _end(self, send_signal: Callable[[], None]) -> int:
        if self._process.poll() is None:
            send_signal()
        self._process.communicate(timeout=STOP_SECONDS)
        return self._process.returncode


def _environment() -> dict[str, str]:
    """Our own environment, in which the server finds its code whether installed or run from the source tree."""
    paths = [str(SOURCE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
