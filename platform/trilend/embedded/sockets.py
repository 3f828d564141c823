"""Folders for sockets: short, private, and below the temporary folder, because a socket's path may not be long."""

import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from trilend.embedded.errors import CannotStart
from trilend.embedded.process import Account

_LONGEST = 80


def socket_folder(server: str, home: Path) -> Path:
    """The path of the folder in which the server of a data folder has its socket."""
    name = f"trilend-{server}-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"
    usual = Path(tempfile.gettempdir()) / name
    return usual if len(str(usual)) <= _LONGEST else Path("/tmp") / name  # noqa: S108  # made private below


def make_private(folder: Path, account: Account | None = None) -> None:
    """Make a folder that only we (or `account`) may enter; raises `CannotStart` if it is somebody else's."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    ours = {os.geteuid()} | ({account.uid} if account else set())
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise CannotStart(f"{folder} belongs to somebody else; remove it, or set TMPDIR to a folder of your own.")
    if account:
        os.chown(folder, account.uid, account.gid)
    folder.chmod(0o700)
