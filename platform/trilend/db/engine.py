"""Opens database engines whose every transaction begins with its role and search path, in one message."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import psycopg
from psycopg._queries import PostgresQuery
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

from trilend.db.shares import SharedPool, Shares
from trilend.db.wire import ConnectionLost, send

READ_ONLY_TRANSACTION = "25006"
"""The SQLSTATE of a write that a read-only transaction refused."""

_SERVED = "trilend_schemas"
# What a statement may begin with. Whoever runs a statement of his own could else take another role with SET ROLE, leave
# the transaction, or write to a file with COPY; a comment in front is refused too.
_STATEMENT = re.compile(
    rb"[ \t\n\r\f\v]*(?:\(|(?:select|insert|update|delete|merge|with|values|show|savepoint|release)\b|rollback[ ]+to\b|set[ ]+constraints\b)",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,62}")


class UnscopedTransaction(RuntimeError):
    """A transaction was begun on an engine that was not bound to a scope; nothing has been sent."""


class StatementRefused(psycopg.ProgrammingError):
    """A statement is neither a query nor a change of rows; nothing has been sent."""

    def __init__(self) -> None:
        super().__init__("this session takes queries and changes of rows only")


@dataclass(frozen=True)
class Scope:
    """The role and the search path that hold for exactly one transaction, and how long a statement may take.

    Without `statement_seconds` the login's own limit holds. A read-only transaction changes no row, whatever it runs.
    """

    role: str
    schema: str
    statement_seconds: int | None = None
    read_only: bool = False

    def __post_init__(self) -> None:
        for identifier in (self.role, self.schema):
            if not _IDENTIFIER.fullmatch(identifier):
                raise ValueError(f"not a plain identifier: {identifier!r}")

    @property
    def opening(self) -> bytes:
        """The message that begins a transaction in this scope."""
        begin = "BEGIN READ ONLY" if self.read_only else "BEGIN"
        limit = f"; SET LOCAL statement_timeout = {self.statement_seconds * 1000:d}" if self.statement_seconds else ""
        return f"{begin}; SET LOCAL ROLE {self.role}; SET LOCAL search_path TO {self.schema}{limit}".encode()


class SingleStatementCursor(psycopg.Cursor[Any]):
    """Sends one query or one change of rows at a time, and nothing else.

    psycopg falls back to the simple protocol when a query has no parameters; that would let an injected
    `; SET ROLE other` through. The extended protocol takes one statement only, and which kinds is looked at here.
    """

    def _execute_send(self, query: PostgresQuery, *, force_extended: bool = True, binary: bool | None = None) -> None:
        if not _STATEMENT.match(query.query):
            raise StatementRefused
        super()._execute_send(query, force_extended=True, binary=binary)


def open_engine(url: str, *, kept: int, most: int, schemas: int, share: int, patience: float) -> Engine:
    """Create the engine of a login; bind it with `in_scope` before use.

    The driver runs in autocommit, so that the transaction's first message is ours. Server-side prepared statements
    are off: they gain nothing when tenants rotate and fail while a fleet is half migrated. No ping is sent before a
    connection is used: the opening message finds out.

    The pool keeps `kept` idle connections and opens `most` at one time. A backend remembers the catalog of every
    schema it has touched and forgets nothing, so a connection is closed after it has served `schemas` of them. At most
    `share` requests of one tenant hold any of them; who gets none within `patience` seconds meets `TenantBusy`.
    """
    engine = create_engine(
        url,
        poolclass=SharedPool,
        pool_timeout=patience,
        pool_size=kept,
        max_overflow=max(0, most - kept),
        pool_use_lifo=True,
        pool_recycle=1800,
        # Errors end up in logs; what was bound to a statement may be anybody's name or secret.
        hide_parameters=True,
        # Asks for a type of an extension that is not there, from a catalog that the login may not read.
        use_native_hstore=False,
        connect_args={"autocommit": True, "prepare_threshold": None, "cursor_factory": SingleStatementCursor},
    )
    engine.pool.limit(Shares(share, patience))  # type: ignore[attr-defined]
    event.listen(engine, "begin", _begin)

    def retire(_connection: object, entry: ConnectionPoolEntry) -> None:
        if len(entry.info.get(_SERVED, ())) >= schemas:
            entry.invalidate()

    event.listen(engine, "checkin", retire)
    return engine


def in_scope(engine: Engine, scope: Callable[[], Scope]) -> Engine:
    """The same engine and pool, its transactions opened in the scope that `scope()` gives at that moment."""
    return engine.execution_options(trilend_scope=scope)


def _begin(connection: Connection) -> None:
    """Open a transaction in the scope that holds now; a connection that the server has closed meanwhile is replaced.

    So the opening is also what others send a ping for, one message of its own for each transaction.
    """
    scope = connection.get_execution_options().get("trilend_scope")
    if scope is None:
        raise UnscopedTransaction("bind the engine with in_scope() before opening a transaction")
    opened = scope()
    try:
        send(_driver(connection), opened.opening)
    except ConnectionLost as lost:
        # All that were opened before are doubtful too, so that the next one is new.
        connection.engine.pool.distrust(connection.connection, lost)  # type: ignore[attr-defined]
        connection.invalidate(lost)
        send(_driver(connection), opened.opening)
    connection.info.setdefault(_SERVED, set()).add(opened.schema)


def _driver(connection: Connection) -> "psycopg.Connection[Any]":
    return cast("psycopg.Connection[Any]", connection.connection.driver_connection)
