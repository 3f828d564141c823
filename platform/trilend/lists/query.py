"""What an address asks of a list, read leniently: what makes no sense is left out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Select

from trilend.lists.grammar import Filter, ListOf

SEARCH, SORT = "q", "sort"
_LONGEST = 100


@dataclass(frozen=True)
class Query:
    """Filters by the arguments that name them, the text searched for, and the sorting (a minus sign for descending)."""

    given: Mapping[str, str] = field(default_factory=dict)
    search: str = ""
    sort: str = ""

    @property
    def is_narrowed(self) -> bool:
        """Whether it leaves rows out."""
        return bool(self.given or self.search)

    @property
    def text(self) -> str:
        """As the query string of an address."""
        pairs = {**self.given, SEARCH: self.search, SORT: self.sort}
        return urlencode({name: value for name, value in pairs.items() if value})


def read_query(wanted: ListOf, arguments: Mapping[str, str]) -> Query:
    """The query in an address's arguments."""
    given = {}
    for each in wanted.filters:
        for name in each.arguments:
            value = arguments.get(name, "").strip()[:_LONGEST]
            if value and _makes_sense(each, value):
                given[name] = value
    search = " ".join(arguments.get(SEARCH, "").split())[:_LONGEST] if wanted.search else ""
    sort = arguments.get(SORT, "")
    column = wanted.column(sort.removeprefix("-"))
    return Query(given, search, sort if column is not None and column.sort is not None else "")


def narrowed(statement: Select[Any], wanted: ListOf, query: Query) -> Select[Any]:
    """The statement with the filters and the search of a query."""
    for each in wanted.filters:
        values = [query.given.get(name, "") for name in each.arguments]
        if any(values):
            statement = _filtered(statement, each, values)
    if query.search and wanted.search is not None:
        statement = statement.where(wanted.search(query.search))
    return statement


def _filtered(statement: Select[Any], each: Filter, values: list[str]) -> Select[Any]:
    if each.kind in ("choice", "flag"):
        if each.apply is not None:
            return each.apply(statement, values[0])
        return statement.where(_column(each) == values[0])
    parse = date.fromisoformat if each.kind == "days" else Decimal
    low, high = values
    if low:
        statement = statement.where(_column(each) >= parse(low))
    if high:
        statement = statement.where(_column(each) <= parse(high))
    return statement


def _column(each: Filter) -> Any:
    if each.column is None:
        raise ValueError(f"filter {each.key} says neither a column nor how it narrows")
    return each.column


def _makes_sense(each: Filter, value: str) -> bool:
    if each.kind == "flag":
        return value == "yes"
    if each.kind == "choice":
        return value in {code for code, _ in each.choices()}
    try:
        return date.fromisoformat(value) is not None if each.kind == "days" else Decimal(value).is_finite()
    except (ValueError, InvalidOperation):
        return False
