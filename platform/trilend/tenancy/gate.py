"""The gate for SQL that a tenant wrote: one query, read-only, of granted columns, with a cap on time and rows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from flask_babel import lazy_gettext as _l
from psycopg import errors
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from trilend.db.errors import TookTooLong
from trilend.errors import Invalid
from trilend.tenancy.context import report_engine

MOST_ROWS, MOST_SECONDS, MOST_CHARACTERS = 10_000, 20, 20_000
_CALL = text("SELECT line FROM run_report(:sql, CAST(:parameters AS jsonb), :most) AS line")
_PREFIX = "SELECT row_to_json(x)::text FROM (\n"

_REASONS: Sequence[tuple[tuple[type[psycopg.Error], ...], Any]] = (
    ((errors.InvalidCursorDefinition,), _l("Write one query only, without a semicolon.")),
    (
        (errors.InsufficientPrivilege, errors.InvalidSchemaName),
        _l("Reports cannot use this table, column or function. Take one from the list of what can be read."),
    ),
    ((errors.UndefinedTable,), _l("There is no such table. Check its name.")),
    ((errors.UndefinedColumn, errors.AmbiguousColumn), _l("There is no such column, or several have this name.")),
    ((errors.UndefinedFunction, errors.UndefinedObject), _l("No function or operator takes these values.")),
    ((errors.DivisionByZero,), _l("The query divides by zero. Use NULLIF on the divisor.")),
    (
        (errors.InvalidTextRepresentation, errors.InvalidDatetimeFormat, errors.DatatypeMismatch),
        _l("A value does not have the form that is needed here."),
    ),
    (
        (errors.ReadOnlySqlTransaction, errors.FeatureNotSupported, errors.WrongObjectType),
        _l("A report only reads: it begins with SELECT and changes nothing."),
    ),
)
_ANY_OTHER = _l("The database does not understand the query at this place. Check what stands there.")


@dataclass(frozen=True)
class Report:
    """What a query gave: rows with their columns in order; `truncated` if there were more than were asked for."""

    rows: Sequence[Mapping[str, object]]
    truncated: bool


class ReportRefused(Invalid):
    """The query cannot be run; `details` has line and column (from 1) where that is known."""

    code = "report_refused"

    def __init__(self, reason: Any, line: int | None = None, column: int | None = None) -> None:
        place = {"line": line, "column": column} if line else {}
        super().__init__(reason, field="sql", **place)


def run_report(
    sql: str, parameters: Mapping[str, object] | None = None, *, most: int = 1000, seconds: int = MOST_SECONDS
) -> Report:
    """Run a query that the bound tenant wrote, in a read-only transaction of its own.

    It sees the tables and columns that models mark for reports and nothing else, and gives at most `most` rows.
    `parameters` are one JSON object that the query sees as `$1`: `($1->>'since')::date`. Numbers come back as
    `Decimal`, dates as ISO text. Raises `ReportRefused` with the place of the fault, `TookTooLong`, `TenantBusy`.
    """
    if len(sql) > MOST_CHARACTERS or "\0" in sql:
        raise ReportRefused(_l("The query is too long, or has characters that cannot be used."))
    most = min(most, MOST_ROWS)
    bound_values = {"sql": sql, "parameters": json.dumps(parameters or {}, default=str), "most": most + 1}
    try:
        with report_engine(min(seconds, MOST_SECONDS)).begin() as connection:
            lines = connection.execute(_CALL, bound_values).scalars().all()
    except DBAPIError as error:
        raise _refusal(error, sql) from error
    rows = [json.loads(line, parse_float=Decimal) for line in lines[:most]]
    return Report(rows, truncated=len(lines) > most)


def _refusal(error: DBAPIError, sql: str) -> Exception:
    fault = error.orig
    if isinstance(fault, errors.QueryCanceled):
        return TookTooLong()
    if not isinstance(fault, psycopg.Error) or isinstance(fault, psycopg.OperationalError):
        return error
    reason = next((sentence for kinds, sentence in _REASONS if isinstance(fault, kinds)), _ANY_OTHER)
    return ReportRefused(reason, *_place(fault, sql))


def _place(fault: psycopg.Error, sql: str) -> tuple[int | None, int | None]:
    """Line and column in the tenant's own text; of what follows it, its end."""
    position = fault.diag.internal_position
    if not position or not (fault.diag.internal_query or "").startswith(_PREFIX):
        return None, None
    offset = min(max(int(position) - 1 - len(_PREFIX), 0), len(sql))
    before = sql[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
