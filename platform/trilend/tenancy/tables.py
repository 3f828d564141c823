"""Carries the rows of a schema out and in, table by table, by the database's own copying."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

import psycopg
from psycopg import sql

from trilend.db.base import TenantBase

Connection = psycopg.Connection[tuple[object, ...]]

_PIECE = 1 << 18
# What every schema gets with its tables and says nothing about the company.
_NOT_CARRIED = frozenset({"schema_version"})

# A schema's relations by what depends on the schema: that has an index, while one for pg_class by schema does not
# exist, and a scan would read the catalog of all other tenants.
_RELATIONS = """
    pg_catalog.pg_depend AS held
    JOIN pg_catalog.pg_class AS class ON class.oid = held.objid
    WHERE held.refclassid = 'pg_catalog.pg_namespace'::regclass AND held.refobjid = %s::regnamespace
      AND held.classid = 'pg_catalog.pg_class'::regclass
"""
_COLUMNS = f"""
SELECT relname, ARRAY(
    SELECT attname::text FROM pg_catalog.pg_attribute
    WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
)
FROM {_RELATIONS} AND class.relkind = 'r'
"""
_SEQUENCES = f"""
SELECT relname, pg_catalog.pg_sequence_last_value(class.oid)
FROM {_RELATIONS} AND class.relkind = 'S'
"""
_TRIGGERS = f"""
SELECT relname, tgname, tgenabled
FROM pg_catalog.pg_trigger, {_RELATIONS} AND tgrelid = class.oid AND NOT tgisinternal AND tgenabled <> 'D'
"""
_ENABLE = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA"}

# One value has one text, whatever the server's and the login's own settings are; and no limit of time.
_PLAIN = (
    "SET LOCAL synchronize_seqscans = off; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres'; "
    "SET LOCAL timezone = 'UTC'; SET LOCAL bytea_output = 'hex'; SET LOCAL extra_float_digits = 1; "
    "SET LOCAL client_encoding = 'UTF8'; SET LOCAL statement_timeout = 0; SET LOCAL transaction_timeout = 0; "
    "SET LOCAL idle_in_transaction_session_timeout = 0; "
)


@dataclass(frozen=True)
class TableRows:
    """A table and the columns that are carried, in the order in which the text has them."""

    name: str
    columns: tuple[str, ...]

    def out(self) -> sql.Composed:
        """The statement that gives the rows as CSV with a head."""
        return sql.SQL("COPY {} TO STDOUT (FORMAT csv, HEADER)").format(self._named())

    def into(self) -> sql.Composed:
        """The statement that takes them."""
        return sql.SQL("COPY {} FROM STDIN (FORMAT csv, HEADER MATCH)").format(self._named())

    def _named(self) -> sql.Composed:
        return sql.SQL("{} ({})").format(
            sql.Identifier(self.name), sql.SQL(", ").join(map(sql.Identifier, self.columns))
        )


@dataclass
class Tally:
    """What passed by: its SHA-256, its bytes, and how many rows the database counted."""

    sha256: str = ""
    size: int = 0
    rows: int = 0

    def over(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same pieces, counted and digested as they pass."""
        digest = sha256()
        for piece in pieces:
            digest.update(piece)
            self.size += len(piece)
            yield piece
        self.sha256 = digest.hexdigest()


def begin_snapshot(connection: Connection, schema: str) -> None:
    """Begin a transaction that reads one unchanging state of a schema, its rows in the order in which they lie."""
    connection.execute(
        f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; {_PLAIN} SET LOCAL search_path TO {schema}".encode()
    )


def enter(connection: Connection, schema: str) -> None:
    """Let the open transaction work in a schema, with texts as a snapshot has them."""
    connection.execute(f"{_PLAIN} SET LOCAL search_path TO {schema}".encode())


def tables_of(connection: Connection, schema: str) -> Sequence[TableRows]:
    """The tables of a schema, those that others point to first."""
    found = {str(name): columns for name, columns in connection.execute(_COLUMNS.encode(), (schema,)).fetchall()}
    order = {table.name: number for number, table in enumerate(TenantBase.metadata.sorted_tables)}
    names = sorted(found.keys() - _NOT_CARRIED, key=lambda name: (order.get(name, len(order)), name))
    return [TableRows(name, tuple(map(str, found[name]))) for name in names]  # type: ignore[call-overload]


def rows_of(connection: Connection, table: TableRows, tally: Tally) -> Iterator[bytes]:
    """The rows of a table in pieces of a quarter of a megabyte, counted as they pass."""
    yield from tally.over(_gathered(connection, table, tally))


def fill(connection: Connection, table: TableRows, pieces: Iterable[bytes], tally: Tally) -> None:
    """Put rows into a table of the schema that the connection is in, counting what came."""
    with connection.cursor() as cursor:
        with cursor.copy(table.into()) as copy:
            for piece in tally.over(pieces):
                copy.write(piece)
        tally.rows = cursor.rowcount


def tally_of(connection: Connection, table: TableRows) -> Tally:
    """Digest and number of a table's rows as they would be carried out now."""
    tally = Tally()
    for _ in rows_of(connection, table, tally):
        pass
    return tally


def sequences_of(connection: Connection, schema: str) -> dict[str, int]:
    """How far each sequence of a schema has counted; one that has given no number is left out."""
    rows = connection.execute(_SEQUENCES.encode(), (schema,)).fetchall()
    return {str(name): int(str(value)) for name, value in rows if value is not None}


def set_sequences(connection: Connection, values: dict[str, int]) -> None:
    """Let sequences go on where those of another schema were; all in one statement."""
    if values:
        connection.execute(
            "SELECT setval(name::regclass, value) FROM unnest(%s::text[], %s::bigint[]) AS given (name, value)",
            (list(values), list(values.values())),
        )


@contextmanager
def triggers_at_rest(connection: Connection, schema: str) -> Iterator[None]:
    """Let rows come in as they are: no trigger of the schema may number, chain, check or refuse them.

    Part of the owner's open transaction; afterwards each is as it was. Constraints stay in force.
    """
    found = connection.execute(_TRIGGERS.encode(), (schema,)).fetchall()
    _alter(connection, ((table, "DISABLE", name) for table, name, _ in found))
    yield
    _alter(connection, ((table, _ENABLE[_text(state)], name) for table, name, state in found))


def _alter(connection: Connection, changes: Iterable[tuple[object, str, object]]) -> None:
    statements = [
        sql.SQL("ALTER TABLE {} " + act + " TRIGGER {}").format(sql.Identifier(str(table)), sql.Identifier(str(name)))
        for table, act, name in changes
    ]
    if statements:
        connection.execute(sql.SQL("; ").join(statements))


def _text(char: object) -> str:
    """The server's type `"char"` comes as bytes or as text, as the driver pleases."""
    return char.decode() if isinstance(char, bytes) else str(char)


def _gathered(connection: Connection, table: TableRows, tally: Tally) -> Iterator[bytes]:
    """The server sends row by row; larger pieces cost the zip file and the digest less."""
    held = bytearray()
    with connection.cursor() as cursor:
        with cursor.copy(table.out()) as copy:
            for row in copy:
                held += row
                if len(held) >= _PIECE:
                    yield bytes(held)
                    held.clear()
        tally.rows = cursor.rowcount
    if held:
        yield bytes(held)
