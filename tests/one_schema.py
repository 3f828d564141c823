"""Watches the statements of the platform's sessions: none may name a schema but the one its transaction is in."""

from functools import lru_cache
from typing import Any

import sqlglot
from sqlalchemy import Engine, event
from sqlglot import exp

REGISTRY_LOGIN = "trilend_app"
_CELL = "trilend_cell_"
_NAMES_NOTHING = ("SAVEPOINT ", "RELEASE SAVEPOINT ", "ROLLBACK TO SAVEPOINT ", "SHOW ", "SET CONSTRAINTS ")
seen: set[str] = set()
"""The tenants' statements that went through since the watch began."""


class CrossesSchemas(AssertionError):
    """A statement names a schema; Citus' schema-based sharding and a move to another server need that none does."""


@lru_cache(maxsize=4096)
def schemas_in(statement: str) -> frozenset[str]:
    """The schemas that a statement names, of tables and of functions."""
    if statement.upper().startswith(_NAMES_NOTHING):
        return frozenset()
    found: set[str] = set()
    for tree in sqlglot.parse(statement, read="postgres"):
        if tree is None:
            continue
        found |= {table.db for table in tree.find_all(exp.Table) if table.db}
        found |= {
            dot.this.name
            for dot in tree.find_all(exp.Dot)
            if isinstance(dot.expression, exp.Func) and isinstance(dot.this, exp.Identifier | exp.Column)
        }
    return frozenset(found)


def begin() -> None:
    """Look at every statement that succeeds, from now on, on every engine of this process."""
    if not event.contains(Engine, "after_cursor_execute", _look):
        event.listen(Engine, "after_cursor_execute", _look)


def _look(
    connection: Any, _cursor: object, statement: str, _parameters: object, _context: object, _many: object
) -> None:
    login = connection.engine.url.username or ""
    allowed = frozenset({"trilend"}) if login == REGISTRY_LOGIN else frozenset[str]()
    if login != REGISTRY_LOGIN and not login.startswith(_CELL):
        return
    if schemas_in(statement) - allowed - {"pg_catalog"}:
        raise CrossesSchemas(statement)
    if login.startswith(_CELL):
        seen.add(statement)
