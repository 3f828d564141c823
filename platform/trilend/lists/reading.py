"""Reads a page of a list: by where the page before ended, so that the last page costs what the first one does."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from trilend.lists.grammar import ListOf
from trilend.lists.query import Query, narrowed

COUNTED = 10_000
"""So many rows are counted; of more it is said that there are more."""


@dataclass(frozen=True)
class Page:
    """Some rows of a list; `before` and `after` are where the pages beside it begin, empty where there is none."""

    rows: Sequence[Any]
    before: str
    after: str


@dataclass(frozen=True)
class _Order:
    """What rows are sorted by, and which way."""

    by: tuple[Any, ...]
    descending: bool

    def applied(self, statement: Select[Any], *, backwards: bool) -> Select[Any]:
        return statement.order_by(*(each.desc() if self.descending != backwards else each.asc() for each in self.by))

    def beyond(self, place: Sequence[Any], *, backwards: bool) -> Any:
        """The condition on what comes behind a place (before it, seen backwards)."""
        known = tuple_(*(literal(value, each.type) for value, each in zip(place, self.by, strict=True)))
        return tuple_(*self.by) < known if self.descending != backwards else tuple_(*self.by) > known


def read_page(session: Session, wanted: ListOf, query: Query, *, before: str = "", after: str = "", size: int) -> Page:
    """A page: the first one, or that behind `after`, or that before `before`; a mark of another list begins anew."""
    order = _order(wanted, query)
    backwards = bool(before)
    place = _place(before or after, order)
    statement = narrowed(wanted.statement(), wanted, query).options(*wanted.options)
    width = len(statement.column_descriptions)
    # Under names of their own: a column that is selected twice would not be told apart.
    marks = [each.label(f"mark_{number}") for number, each in enumerate(order.by)]
    statement = order.applied(statement.add_columns(*marks), backwards=backwards and place is not None)
    if place is not None:
        statement = statement.where(order.beyond(place, backwards=backwards))
    found = list(session.execute(statement.limit(size + 1)).all())
    more = len(found) > size
    found = found[:size]
    if backwards and place is not None:
        found.reverse()
    ends = [_mark(row[width:]) for row in (found[:1] + found[-1:])]
    has_before, has_after = (more, True) if backwards and place is not None else (place is not None, more)
    return Page(
        rows=[row[0] if width == 1 else row[:width] for row in found],
        before=ends[0] if found and has_before else "",
        after=ends[-1] if found and has_after else "",
    )


def count(session: Session, wanted: ListOf, query: Query) -> int:
    """How many rows match; one more than `COUNTED` if there are more than these."""
    statement = narrowed(wanted.statement(), wanted, query)
    keys = statement.with_only_columns(*wanted.key, maintain_column_froms=True).order_by(None).limit(COUNTED + 1)
    return session.scalar(select(func.count()).select_from(keys.subquery())) or 0


def _order(wanted: ListOf, query: Query) -> _Order:
    sort = query.sort or wanted.sort
    column = wanted.column(sort.removeprefix("-")) if sort else None
    if column is None or column.sort is None:
        return _Order(wanted.key, descending=True)
    return _Order((column.sort, *wanted.key), descending=sort.startswith("-"))


def _mark(values: Sequence[Any]) -> str:
    text = json.dumps([_plain(value) for value in values], separators=(",", ":"), ensure_ascii=False)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _plain(value: Any) -> Any:
    """A value and what it was; marks are read by ourselves only, but anybody can write one."""
    if isinstance(value, datetime):
        return {"t": value.isoformat()}
    if isinstance(value, date):
        return {"d": value.isoformat()}
    if isinstance(value, Decimal):
        return {"n": str(value)}
    return value


_READERS: dict[str, Callable[[str], Any]] = {"t": datetime.fromisoformat, "d": date.fromisoformat, "n": Decimal}


def _place(mark: str, order: _Order) -> list[Any] | None:
    """The values of a mark; None for none, and for what is no mark of a list in this order."""
    try:
        values = json.loads(base64.urlsafe_b64decode(mark + "=" * (-len(mark) % 4))) if mark else []
        read = [_value(value) for value in values]
    except (ValueError, TypeError, ArithmeticError, binascii.Error):
        return None
    fits = len(read) == len(order.by) and all(
        isinstance(value, each.type.python_type) for value, each in zip(read, order.by, strict=True)
    )
    return read if fits else None


def _value(value: Any) -> Any:
    if isinstance(value, dict):
        ((kind, text),) = value.items()
        reader = _READERS.get(kind)
        return reader(text) if reader else None
    return value
