"""Makes the registry's tables, brings those of an earlier release to this one, and proves that they came to be equal."""

import re
import secrets
from collections.abc import Iterable, Sequence

import psycopg
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import ExecutableDDLElement

from trilend.db.base import REGISTRY_SCHEMA, RegistryBase
from trilend.tenancy import versions as _versions  # noqa: F401  (its table)
from trilend.tenancy.migration.fingerprint import Difference, lines_of
from trilend.tenancy.migration.roles import expected_role_lines, role_lines
from trilend.tenancy.migration.steps import NONE, REGISTRY, Step, branch, head, steps_after
from trilend.tenancy.rights import registry_rights
from trilend.tenancy.servers import cells

_ADVISORY_LOCK = 7_415_923_002


def migrate_registry(owner_url: str) -> int:
    """Bring the registry to this release (idempotent; as the owner); returns how many steps were taken.

    One transaction for all of them: the registry is small, and half of a release would serve nobody.
    """
    with psycopg.connect(owner_url.replace("postgresql+psycopg://", "postgresql://")) as owner:
        owner.execute("SELECT pg_advisory_xact_lock(%s)", (_ADVISORY_LOCK,))
        if not _is_there(owner, "tenant"):
            _make(owner)
            return len(branch(REGISTRY))
        missing = steps_after(REGISTRY, _newest(owner))
        if missing:
            _take(owner, missing)
        return len(missing)


def verify_registry(owner_url: str) -> Difference:
    """How the registry, its fixed roles and their rights differ from those of a fresh installation.

    A fresh registry is made beside it, looked at, and rolled back; nothing is locked that others use.
    """
    with psycopg.connect(owner_url.replace("postgresql+psycopg://", "postgresql://")) as owner:
        difference = registry_difference(owner)
        owner.rollback()
    return difference


def registry_difference(owner: psycopg.Connection[tuple[object, ...]]) -> Difference:
    """The same in the owner's open transaction, which the caller rolls back."""
    found = _plain(lines_of(owner, REGISTRY_SCHEMA, 0)) | set(role_lines(owner))
    _make(owner, aside := f"{REGISTRY_SCHEMA}_fresh_{secrets.token_hex(4)}")
    expected = _plain(lines_of(owner, aside, 0)) | set(expected_role_lines(cells()))
    return Difference(missing=sorted(expected - found), surplus=sorted(found - expected))


def _plain(lines: Iterable[str]) -> set[str]:
    """Lines with the registry's own name in them: names of roles contain it, and were written as `~` in part."""
    return {line.replace("~", REGISTRY_SCHEMA) for line in lines}


def _make(owner: psycopg.Connection[tuple[object, ...]], schema: str = REGISTRY_SCHEMA) -> None:
    for text in _structure():
        # The name as a schema's, and not where names of roles begin with it.
        owner.execute(re.sub(rf"\b{REGISTRY_SCHEMA}(?=[.;\s]|$)", schema, text).encode())


def _structure() -> Sequence[str]:
    statements = [f"CREATE SCHEMA IF NOT EXISTS {REGISTRY_SCHEMA}"]
    dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]

    def collect(statement: ExecutableDDLElement, *_: object, **__: object) -> None:
        statements.append(str(statement.compile(dialect=dialect)))

    RegistryBase.metadata.create_all(create_mock_engine("postgresql+psycopg://", collect), checkfirst=False)
    statements.append(
        f"INSERT INTO {REGISTRY_SCHEMA}.schema_version (branch, revision) VALUES ('{REGISTRY}', '{head(REGISTRY)}')"
    )
    return [";\n".join(statements), _rights()]


def _take(owner: psycopg.Connection[tuple[object, ...]], steps: Sequence[Step]) -> None:
    owner.execute(f"SET LOCAL lock_timeout = '10s'; SET LOCAL search_path TO {REGISTRY_SCHEMA}".encode())
    for step in steps:
        owner.execute(step.text().encode())
    owner.execute(_rights().encode())


def _rights() -> str:
    tables = RegistryBase.metadata.sorted_tables
    append_only = (table.fullname for table in tables if table.info.get("append_only"))
    return registry_rights((table.fullname for table in tables), append_only)


def _is_there(owner: psycopg.Connection[tuple[object, ...]], table: str) -> bool:
    name = f"{REGISTRY_SCHEMA}.{table}"
    return owner.execute("SELECT to_regclass(%s) IS NOT NULL", (name,)).fetchone() == (True,)


def _newest(connection: psycopg.Connection[tuple[object, ...]]) -> str:
    if not _is_there(connection, "schema_version"):
        return NONE
    row = connection.execute(
        f"SELECT max(revision) FROM {REGISTRY_SCHEMA}.schema_version WHERE branch = %s", (REGISTRY,)
    ).fetchone()
    return str(row[0]) if row else NONE
