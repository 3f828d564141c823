"""What earlier releases made of a registry and of tenants, kept so that each can be brought to this one."""

from pathlib import Path

import psycopg

_FOLDER = Path(__file__).parent
FIRST = "1"


def make_registry(owner: psycopg.Connection[tuple[object, ...]], release: str = FIRST) -> None:
    """The registry's tables as the release made them."""
    owner.execute(f"CREATE SCHEMA trilend; {_text(release, 'registry')}".encode())


def make_space(owner: psycopg.Connection[tuple[object, ...]], kind: str, schema: str, release: str = FIRST) -> None:
    """A tenant's schema and role as the release made them, with its first rows."""
    opening = (
        f"CREATE ROLE {schema} NOLOGIN; GRANT {schema} TO trilend_app WITH INHERIT FALSE, SET TRUE; "
        f"CREATE SCHEMA {schema}; GRANT USAGE ON SCHEMA {schema} TO {schema}; SET LOCAL search_path TO {schema}; "
    )
    owner.execute((opening + _text(release, kind).replace("trilend_blueprint_role", schema)).encode())


def _text(release: str, name: str) -> str:
    # What the first release made of tenants is in their kinds' packages: archives of that time begin with it.
    shipped = _FOLDER.parents[1] / "tenants" / f"trilend_{name}" / "revisions" / "first.sql"
    file = shipped if release == FIRST and shipped.exists() else _FOLDER / release / f"{name}.sql"
    return file.read_text(encoding="utf-8")
