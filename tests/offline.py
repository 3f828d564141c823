"""Settings for code that renders but connects to nothing."""

import os

_VALUES = {
    "TRILEND_DATABASE_URL": "postgresql+psycopg://nobody@localhost/none",
    "TRILEND_VALKEY_URL": "redis://localhost:1",
    "TRILEND_SECRET_KEY": "only for rendering",
    "TRILEND_MASTER_KEY": "only for rendering",
    "TRILEND_BASE_URL": "http://localhost:1",
    "TRILEND_STORAGE_URL": "file:///nowhere",
}


def offline_settings() -> None:
    """Set what is not set yet."""
    for name, value in _VALUES.items():
        os.environ.setdefault(name, value)
