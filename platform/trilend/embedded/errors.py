"""Why the one-machine stack cannot start, in one sentence that says what to do."""

import errno
from pathlib import Path


class CannotStart(Exception):
    """The stack cannot start; the message is one sentence for the person at the terminal."""


def from_system(error: OSError, home: Path) -> CannotStart:
    """What the system refused while the stack worked on the data folder `home`, as a sentence."""
    where = error.filename or home
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return CannotStart(f"The disk of {home} is full; free some space, or choose another --data-dir.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return CannotStart(f"{where} cannot be used; choose another --data-dir, or mend its rights.")
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return CannotStart(f"{where} is not a folder; choose another --data-dir.")
    return CannotStart(f"{error.strerror or error} ({where}); mend that and start again.")


def from_database(error: Exception, home: Path) -> CannotStart:
    """What the database refused while the stack was started, as a sentence."""
    why = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if "No space left on device" in why:
        return CannotStart(f"The disk of {home} is full; free some space, or choose another --data-dir.")
    return CannotStart(
        f"The database refused ({why}); read {home / 'postgresql' / 'postgresql.log'}, mend that and start again."
    )
