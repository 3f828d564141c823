"""Start and stop the sandbox bank as a process of its own, for tests and for one-machine stacks."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO

from trilend_sandbox.bank.admin_client import BankAdmin
from trilend_sandbox.bank.errors import StartFailure
from trilend_sandbox.bank.server import READY

STOP_SECONDS = 10
SOURCE_ROOT = Path(__file__).parents[2]


class BankProcess:
    """A running sandbox bank.

    `base_url` is where it listens, `ca_pem` the file of the authority to trust, `admin` its admin API.
    """

    def __init__(self, data_dir: Path, port: int = 0) -> None:
        """Start the bank and wait until it answers; port 0 takes a free one.

        Raises `StartFailure` with the bank's own sentence when it cannot start.
        """
        self.data_dir = data_dir
        # A file, not a pipe: nobody reads the bank's complaints while it runs, and a full pipe would stop it.
        with tempfile.TemporaryFile() as complaints:
            self._process = subprocess.Popen(  # noqa: S603 our own module, no outside input
                [sys.executable, "-m", "trilend_sandbox.bank", "--port", str(port), "--data-dir", str(data_dir)],
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
                env=_environment(),
            )
            self.base_url = self._wait_until_ready(complaints)
        self.ca_pem = data_dir / "ca.pem"
        self.admin = BankAdmin(self.base_url, self.ca_pem)

    @property
    def port(self) -> int:
        """The port the bank listens on."""
        return int(self.base_url.rpartition(":")[2])

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def stop(self) -> int:
        """Ask the bank to stop and wait for it; its exit code."""
        return self._end(self._process.terminate)

    def kill(self) -> int:
        """End the bank without warning, as a power cut would; its exit code."""
        return self._end(self._process.kill)

    def __enter__(self) -> "BankProcess":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_ready(self, complaints: IO[bytes]) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if line.startswith(READY):
            return line.removeprefix(READY).strip()
        self._process.communicate()
        complaints.seek(0)
        raise StartFailure(complaints.read().decode().strip() or "the bank did not start.")

    def _end(self, signal_bank: Callable[[], None]) -> int:
        if self._process.poll() is None:
            signal_bank()
        self._process.communicate(timeout=STOP_SECONDS)
        return self._process.returncode


def _environment() -> dict[str, str]:
    """Our own environment, in which the bank finds its code whether installed or run from the source tree."""
    paths = [str(SOURCE_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
