"""Whether this worker has been told to stop."""

import threading

_told = threading.Event()


def tell() -> None:
    """From now on jobs are put down at their next safe step, and none is taken."""
    _told.set()


def is_stopping() -> bool:
    """Whether the worker is on its way out."""
    return _told.is_set()
