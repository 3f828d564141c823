"""Child processes that never outlive their parent, and end in order."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG = 1


@dataclass
class Account:
    """The system account a child runs as."""

    uid: int
    gid: int
    home: str


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    keep_open: Collection[int] = (),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, its output appended to `log`.

    On Linux the kernel sends `death_signal` to the child if this process dies, however it dies. The file descriptors
    of `keep_open` stay open in the child.
    """
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603  # our own programs
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment if environment is not None else os.environ),
            start_new_session=True,
            pass_fds=tuple(keep_open),
            preexec_fn=_die_with_parent(death_signal),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, *, patience: float = 10.0) -> None:
    """Ask a child to end, and end its whole session if it does not within `patience` seconds."""
    stop_together([process], how, patience=patience)


def stop_together(
    processes: Collection[subprocess.Popen[bytes]], how: signal.Signals = signal.SIGTERM, *, patience: float = 10.0
) -> None:
    """Ask children to end, all at once, and end the whole session of each that has not within `patience` seconds."""
    running = [process for process in processes if process.poll() is None]
    for process in running:
        process.send_signal(how)
    deadline = time.monotonic() + patience
    for process in running:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask_kernel() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            # It died before the kernel was asked.
            os._exit(1)

    return ask_kernel
