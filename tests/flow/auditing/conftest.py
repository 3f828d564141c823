"""A timestamp authority that the installation asks, or none."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.orm import Session
from tests.flow.auditing.authority import Authority, running

from trilend.audit.service import Actor, record
from trilend.config import settings

Attack = Callable[..., None]


@pytest.fixture(scope="session")
def authorities() -> Iterator[Authority]:
    """One authority for all tests of this worker."""
    with running() as authority:
        yield authority


@pytest.fixture
def authority(authorities: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    """The authority, configured as an operator would."""
    roots = tmp_path / "roots.pem"
    roots.write_bytes(authorities.root_pem)
    monkeypatch.setenv("TRILEND_TIMESTAMP_URL", authorities.url)
    monkeypatch.setenv("TRILEND_TIMESTAMP_CERTIFICATES", str(roots))
    settings.cache_clear()
    authorities.fault = ""
    authorities.asked.clear()
    yield authorities
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def attack(tenant: Any, installation: Any) -> Attack:
    """Runs SQL as a superuser in the tenant's schema with all triggers off."""

    def run(*statements: str) -> None:
        with psycopg.connect(installation.database.superuser_url, autocommit=True) as superuser:
            superuser.execute(f"SET search_path TO {tenant.schema}".encode())
            superuser.execute("SET session_replication_role = replica")
            for statement in statements:
                superuser.execute(statement.encode())

    return run


def write(session: Session, *acts: str) -> None:
    """Lines, each in a transaction of its own."""
    for act in acts:
        record(session, Actor("陈静", 3), act, "party", 1, reason="原因")
        session.commit()
