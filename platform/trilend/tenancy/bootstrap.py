"""Prepares servers and databases for Trilend: fixed roles and cells, and the rights taken from PUBLIC."""

import psycopg

from trilend.tenancy.rights import cluster_preparation, database_preparation

_ADVISORY_LOCK = 7_415_923_001


def prepare_cluster(
    superuser_url: str, *, owner_password: str, login_password: str, cells: int, pooler_password: str | None = None
) -> None:
    """Create the fixed roles of a server (idempotent). Needs a superuser; `trilend prepare` prints it for your hands."""
    text = cluster_preparation(
        cells=range(cells),
        owner_password=owner_password,
        login_password=login_password,
        pooler_password=pooler_password,
    )
    _run(superuser_url, text)


def prepare_database(superuser_url: str, *, cells: int) -> None:
    """Take from PUBLIC, in this database, what a tenant must not have (idempotent; needs a superuser)."""
    _run(superuser_url, database_preparation(cells=range(cells)))


def _run(superuser_url: str, text: str) -> None:
    # Roles belong to the whole server: two who prepare databases of it at once would hit the same rows.
    with psycopg.connect(
        superuser_url.replace("postgresql+psycopg://", "postgresql://"), autocommit=True
    ) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        connection.execute(text.encode())
