"""The data folder of an installation: used by one at a time, with room, and with its secrets whole."""

import fcntl
import json
import os
import secrets
import shutil
import threading
import time
from pathlib import Path
from typing import IO

from trilend.embedded.errors import CannotStart
from trilend.embedded.postgres import data_folder, new_password

_FREE_BYTES = 300 * 1024 * 1024
_PATIENCE = 30.0
_PASSWORDS = ("superuser", "owner", "login", "secret_key")


class Home:
    """A data folder, held against others from `take` to `release`.

    Two locks: `lock` is ours alone; `running` is shared with every child, so that it is free only when the last
    process of a former run has ended, however that run ended.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock: IO[str] | None = None
        self._running: IO[str] | None = None

    def take(self, given_up: threading.Event) -> None:
        """Make the folder and hold it, unless `given_up`; raises `CannotStart` if it is in use or its disk is full."""
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = (self.folder / "lock").open("a+", encoding="utf-8")
        if not _locked(lock):
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise CannotStart(
                f"Trilend already runs on {self.folder} (process {holder}); stop it first, or choose another "
                "--data-dir."
            )
        self._lock = lock
        self._wait_for_former_run(given_up)
        if shutil.disk_usage(self.folder).free < _FREE_BYTES:
            raise CannotStart(f"The disk of {self.folder} is full; free 300 MB, or choose another --data-dir.")
        os.ftruncate(lock.fileno(), 0)
        os.write(lock.fileno(), str(os.getpid()).encode())

    def release(self) -> None:
        """Let others use the folder."""
        if self._running is not None:
            self._running.close()
        if self._lock is not None:
            os.ftruncate(self._lock.fileno(), 0)
            self._lock.close()

    @property
    def shared_lock(self) -> tuple[int, ...]:
        """The file descriptor that every child keeps open."""
        return (self._running.fileno(),) if self._running is not None else ()

    def secrets(self) -> dict[str, str]:
        """Passwords and keys of this installation, made at its first start; raises `CannotStart` if damaged or lost."""
        file, data = self.folder / "secrets.json", data_folder(self.folder / "postgresql")
        if file.exists():
            return _read(file, self.folder)
        if data.exists():
            raise CannotStart(
                f"{file} is missing and without it the data in {data} cannot be opened; restore it from a backup, or "
                f"move {data.parent} and {self.folder} away to begin anew."
            )
        from trilend.storage.keys import new_master_key

        made = {name: new_password() for name in _PASSWORDS}
        made |= {"master_key": new_master_key(), "console": secrets.token_urlsafe(9)}
        write_private(file, json.dumps(made))
        return made

    def _wait_for_former_run(self, given_up: threading.Event) -> None:
        self._running = (self.folder / "running").open("a", encoding="utf-8")
        deadline = time.monotonic() + _PATIENCE
        while not _locked(self._running):
            if given_up.wait(0.1) or time.monotonic() > deadline:
                raise CannotStart(
                    f"Processes of a former run on {self.folder} have not ended yet; end them, then start again."
                )


def write_private(file: Path, text: str) -> None:
    """Write a file that only we may read: aside, to the disk, then put in place."""
    waiting = file.with_suffix(".part")
    with os.fdopen(os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    waiting.replace(file)


def _locked(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: Path, home: Path) -> dict[str, str]:
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if not all(isinstance(kept[name], str) for name in (*_PASSWORDS, "master_key", "console")):
            raise TypeError
    except (ValueError, KeyError, TypeError) as error:
        raise CannotStart(
            f"{file} is damaged and without it nothing can be decrypted; restore it from a backup, or move {home} "
            "away to begin anew."
        ) from error
    return {name: str(value) for name, value in kept.items()}
