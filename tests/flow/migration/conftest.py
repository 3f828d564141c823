"""An installation of the first release, with a company of each kind that has worked."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import delete, select
from tests import releases, stack
from tests.flow.migration.next_release import NextRelease
from tests.numbers import new_uscc

from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.models import FleetRun
from trilend.tenancy.models import Spare, Tenant, TenantState
from trilend.tenancy.provisioning import drop_space
from trilend.tenancy.servers import owner_connection

KINDS = ("microfinance", "guarantee", "broker")


@dataclass(frozen=True)
class Installation:
    """A database of its own, and the command line that works on it."""

    database: stack.Database
    environment: dict[str, str]

    def trilend(self, *arguments: str, code: int = 0) -> Any:
        """What a command answers in JSON; it must end with this exit code."""
        command = [sys.executable, "-m", "trilend.cli", *arguments, "--json"]
        ended = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert ended.returncode == code, ended.stderr
        return json.loads(ended.stdout)

    def ask(self, statement: str, *parameters: Any) -> list[Any]:
        """Look something up, or change it, as a superuser."""
        with psycopg.connect(self.database.superuser_url) as connection:
            cursor = connection.execute(statement.encode(), parameters)
            return cursor.fetchall() if cursor.description else []


@dataclass(frozen=True)
class Company:
    """A tenant as the registry knows it."""

    id: str
    slug: str
    kind: str

    @property
    def schema(self) -> str:
        """Its schema and role."""
        return f"t_{self.id}"


@pytest.fixture
def first_release(postgres: Any, installation: Any) -> Installation:
    """A database as the first release left it, without tenants."""
    database = stack.empty_database(postgres)
    with psycopg.connect(database.owner_url) as owner:
        releases.make_registry(owner)
    addresses = {"TRILEND_DATABASE_URL": database.login_url, "TRILEND_OWNER_DATABASE_URL": database.owner_url}
    return Installation(database, os.environ | installation.environment | addresses)


@pytest.fixture
def companies(first_release: Installation) -> Iterator[list[Company]]:
    """Two companies of each kind, made by the first release."""
    made = [sign_up(first_release, kind) for kind in KINDS for _ in range(2)]
    yield made
    forget(first_release, made)


def sign_up(installation: Installation, kind: str) -> Company:
    """A company as the first release made it, whose administrator has changed one figure."""
    company = Company(f"old{secrets.token_hex(3)}", f"old-{secrets.token_hex(4)}", kind)
    with psycopg.connect(installation.database.owner_url) as owner:
        releases.make_space(owner, kind, company.schema)
        owner.execute("UPDATE business_day SET closed_days = 7")
        owner.execute(
            """
            INSERT INTO trilend.tenant (id, slug, kind, name, uscc, state, revision, shard, plan, wrapped_key)
            VALUES (%s, %s, %s, '旧公司', %s, 'trial', 'c0ffee00c0ffee00', 'primary', 'trial', '\\x00')
            """,
            (company.id, company.slug, kind, new_uscc()),
        )
    return company


def forget(installation: Installation, companies: list[Company]) -> None:
    """Drop what belongs to the whole server: roles outlive their database otherwise."""
    with psycopg.connect(installation.database.superuser_url) as connection:
        for company in companies:
            connection.execute(f"DROP SCHEMA IF EXISTS {company.schema} CASCADE".encode())
            connection.execute(f"DROP ROLE IF EXISTS {company.schema}, {company.schema}_reports".encode())


@pytest.fixture
def alone(installation: Any) -> Iterator[None]:
    """No other test's tenants take part: they are put aside, and moved out of the way afterwards."""
    with RegistrySession() as registry:
        states = {tenant.id: tenant.state for tenant in registry.scalars(select(Tenant))}
        for tenant in registry.scalars(select(Tenant)):
            tenant.state = TenantState.CLOSED
        registry.commit()
    yield
    with RegistrySession() as registry, owner_connection("primary") as owner:
        for space in [*registry.scalars(select(Tenant)), *registry.scalars(select(Spare))]:
            if space.id in states:
                space.state = states[space.id]
            else:
                drop_space(owner, f"t_{space.id}")
                owner.commit()
                registry.delete(space)
        registry.execute(delete(FleetRun))
        registry.commit()


@pytest.fixture
def release(alone: None, tmp_path: Path) -> NextRelease:
    return NextRelease(tmp_path)
