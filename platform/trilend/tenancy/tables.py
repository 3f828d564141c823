"""Carries the rows of a schema out and in, table by table, by the database's own copying."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import psycopg
from psycopg import sql

from trilend.db.base import TenantBase

Connection = psycopg.Connection[tuple[object, ...]]

# What every schema gets with its tables and says nothing about the company.
_NOT_CARRIED = frozenset({"schema_version"})
_COLUMNS = """
SELECT class.relname, array_agg(attname ORDER BY attnum)
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_attribute ON attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
WHERE class.relnamespace = %s::regnamespace AND class.relkind = 'r'
GROUP BY class.relname
"""


@dataclass(frozen=True)
class TableRows:
    """A table and the columns that are carried, in the order in which the text has them."""

    name: str
    columns: tuple[str, ...]

    def _named(self) -> sql.Composed:
        return sql.SQL("{} ({})").format(
            sql.Identifier(self.name), sql.SQL(", ").join(map(sql.Identifier, self.columns))
        )

    def out(self) -> sql.Composed:
        """The statement that gives the rows as CSV with a head."""
        return sql.SQL("COPY {} TO STDOUT (FORMAT csv, HEADER)").format(self._named())

    def into(self) -> sql.Composed:
        """The statement that takes them."""
        return sql.SQL("COPY {} FROM STDIN (FORMAT csv, HEADER MATCH)").format(self._named())


def begin_snapshot(connection: Connection, schema: str) -> None:
    """Begin a transaction that reads one unchanging state of a schema, its rows in the order in which they lie."""
    connection.execute(
        "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; "
        "SET LOCAL synchronize_seqscans = off; SET LOCAL statement_timeout = 0; "
        f"SET LOCAL search_path TO {schema}".encode()
    )


def tables_of(connection: Connection, schema: str) -> Sequence[TableRows]:
    """The tables of a schema, those that others point to first."""
    found = {str(name): columns for name, columns in connection.execute(_COLUMNS, (schema,)).fetchall()}
    order = {table.name: number for number, table in enumerate(TenantBase.metadata.sorted_tables)}
    names = sorted(found.keys() - _NOT_CARRIED, key=lambda name: (order.get(name, len(order)), name))
    return [TableRows(name, tuple(map(str, found[name]))) for name in names]  # type: ignore[call-overload]


def rows_of(connection: Connection, table: TableRows) -> Iterator[bytes]:
    """The rows of a table as the server sends them, piece by piece."""
    with connection.cursor().copy(table.out()) as copy:
        for piece in copy:
            yield bytes(piece)


def fill(connection: Connection, table: TableRows, pieces: Iterable[bytes]) -> None:
    """Put rows into a table of the schema that the connection is in."""
    with connection.cursor().copy(table.into()) as copy:
        for piece in pieces:
            copy.write(piece)


def sequences_of(connection: Connection, schema: str) -> dict[str, int]:
    """How far each sequence of a schema has counted; one that has given no number is left out."""
    rows = connection.execute(
        "SELECT sequencename, last_value FROM pg_catalog.pg_sequences WHERE schemaname = %s AND last_value IS NOT NULL",
        (schema,),
    ).fetchall()
    return {str(name): int(str(value)) for name, value in rows}


def set_sequences(connection: Connection, values: dict[str, int]) -> None:
    """Let sequences go on where those of another schema were; all in one statement."""
    if values:
        connection.execute(
            "SELECT setval(name::regclass, value) FROM unnest(%s::text[], %s::bigint[]) AS given (name, value)",
            (list(values), list(values.values())),
        )


def digest_of(connection: Connection, table: TableRows, seen: Callable[[int], Any] = lambda size: None) -> str:
    """SHA-256 of a table's rows as they would be carried out now."""
    digest = sha256()
    for piece in rows_of(connection, table):
        digest.update(piece)
        seen(len(piece))
    return digest.hexdigest()
