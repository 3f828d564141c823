"""Logs of the children: kept to a size, and read for the line that says why one ended."""

import re
import shutil
from pathlib import Path

_LIMIT = 10 * 1024 * 1024
_TELLING = re.compile(r"FATAL|PANIC|error|exception|cannot|failed", re.IGNORECASE)
_PASSING = re.compile(r"the database system is (starting up|shutting down)")
_PREFIX = re.compile(r"^.*?(?:FATAL|PANIC|ERROR): +")


def trim(log: Path, limit: int = _LIMIT) -> None:
    """Move what a log holds to `<name>.1` once it is larger than `limit` (bytes).

    The file itself stays, so that a child that appends to it goes on in the same place.
    """
    if log.exists() and log.stat().st_size > limit:
        shutil.copyfile(log, log.with_name(f"{log.name}.1"))
        with log.open("r+b") as file:
            file.truncate(0)


def length(log: Path) -> int:
    """How long a log is now (bytes), to be given to `reason` later."""
    return log.stat().st_size if log.exists() else 0


def reason(log: Path, since: int = 0) -> str:
    """The last line after byte `since` that tells of an error, else the last line at all, without its time stamp."""
    with log.open("rb") as file:
        file.seek(since)
        text = file.read().decode("utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip() and not _PASSING.search(line)]
    telling = [line for line in lines if _TELLING.search(line)]
    return _PREFIX.sub("", (telling or lines or ["it said nothing"])[-1]).rstrip(".")
