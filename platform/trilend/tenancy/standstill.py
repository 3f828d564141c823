"""Lets nobody write to a schema any more, and proves that nobody still does: the wall behind which it is carried away.

Whatever web processes remember of a tenant, and whatever they were told of its door, the database itself refuses: the
tenant's role loses its rights to write, and every transaction that had written before has ended when this is done.
"""

from collections.abc import Sequence

import psycopg
from psycopg import sql

from trilend.tenancy.tables import Connection, tables_of

_WRITING = ["INSERT", "UPDATE", "DELETE", "TRUNCATE"]
_MAY_WRITE = """
SELECT class.relname, '' AS column_name, given.privilege_type
FROM pg_catalog.pg_class AS class, pg_catalog.aclexplode(class.relacl) AS given
WHERE class.oid = ANY(%(tables)s::regclass[]) AND given.grantee = %(role)s::regrole AND given.privilege_type = ANY(%(writing)s)
UNION ALL
SELECT class.relname, attname, given.privilege_type
FROM pg_catalog.pg_class AS class
JOIN pg_catalog.pg_attribute ON attrelid = class.oid AND attnum > 0 AND attacl IS NOT NULL,
    pg_catalog.aclexplode(attacl) AS given
WHERE class.oid = ANY(%(tables)s::regclass[]) AND given.grantee = %(role)s::regrole AND given.privilege_type = ANY(%(writing)s)
ORDER BY 1, 2, 3
"""

Rights = list[list[str]]
"""What was taken: table, column (or an empty text), privilege; plain values, to be kept as JSON."""


class StillWriting(RuntimeError):
    """A transaction that had written did not end in time."""


def rights_to_write(owner: Connection, schema: str) -> Rights:
    """What the tenant's role may write."""
    tables = [f"{schema}.{table.name}" for table in tables_of(owner, schema)]
    found = owner.execute(_MAY_WRITE, {"tables": tables, "role": schema, "writing": _WRITING}).fetchall()
    return [[str(part) for part in row] for row in found]


def stop_writing(owner: Connection, schema: str, *, patience: str = "10s") -> None:
    """Take the rights away and wait until every transaction that has written is over; raises `StillWriting`.

    `owner` is in autocommit. A statement that got past the check of its rights before they were gone holds its lock on
    the table by then; so once a table could be locked against writing, nobody writes to it, and nobody will. Tables
    are locked one after the other, never two at once: a transaction that waits for one of them cannot wait for us.
    """
    tables = [table.name for table in tables_of(owner, schema)]
    with owner.transaction():
        _enter(owner, schema)
        owner.execute(
            sql.SQL("REVOKE {} ON {} FROM {}").format(
                sql.SQL(", ".join(_WRITING)),
                _list(tables),
                sql.Identifier(schema),
            )
        )
    try:
        for table in tables:
            with owner.transaction():
                owner.execute(f"SET LOCAL lock_timeout = '{patience}'".encode())
                owner.execute(sql.SQL("LOCK TABLE {}.{} IN SHARE MODE").format(*map(sql.Identifier, (schema, table))))
    except psycopg.errors.LockNotAvailable as error:
        raise StillWriting(schema) from error


def let_write(owner: Connection, schema: str, rights: Rights) -> None:
    """Give back exactly what was taken; running it twice does no harm."""
    grants = [
        sql.SQL("GRANT {} ON {} TO {}").format(_privilege(*right[1:]), *map(sql.Identifier, (right[0], schema)))
        for right in rights
    ]
    with owner.transaction():
        _enter(owner, schema)
        owner.execute(sql.SQL("; ").join(grants))


def _enter(owner: Connection, schema: str) -> None:
    owner.execute(f"SET LOCAL search_path TO {schema}".encode())


def _privilege(column: str, privilege: str) -> sql.Composable:
    name = sql.SQL(privilege)
    return sql.SQL("{} ({})").format(name, sql.Identifier(column)) if column else name


def _list(names: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
