"""What an area says of a list of its own: columns, filters, sorting, and what can be done with many rows."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.base import ExecutableOption

from trilend.kinds import Permission
from trilend.lists.errors import UnknownList

CellKind = Literal["text", "money", "percent", "day", "instant", "number", "badge"]
FilterKind = Literal["choice", "flag", "days", "amounts"]
Values = Mapping[str, Any]
"""What a filter was given: one value under `""`, or the two ends of a range under `from` and `to`."""


@dataclass(frozen=True)
class Badge:
    """A state as it is shown: its code, and a label and tone where the table of states has none."""

    state: str
    label: Any = None
    tone: str | None = None


@dataclass(frozen=True)
class Column:
    """A column: `value` gives what page and export show of a row, so that what is masked is masked in both.

    `sort` is the expression rows are sorted by; it is never NULL. `note` is a second, smaller line, `url` where the
    value leads, `badges` what stands behind it. One that is not `usual` is shown to those who choose it.
    """

    key: str
    label: Any
    value: Callable[[Any], Any]
    kind: CellKind = "text"
    sort: ColumnElement[Any] | InstrumentedAttribute[Any] | None = None
    usual: bool = True
    url: Callable[[Any], str] | None = None
    note: Callable[[Any], Any] | None = None
    badges: Callable[[Any], Sequence[Badge]] | None = None

    @property
    def is_numeric(self) -> bool:
        """Whether its values stand at the right."""
        return self.kind in ("money", "percent", "number")


@dataclass(frozen=True)
class Filter:
    """A filter: a choice among `choices`, a flag, or a range of days or amounts.

    `apply` narrows a statement by what was given; for a range `column` says by what.
    """

    key: str
    label: Any
    kind: FilterKind
    choices: Callable[[], Sequence[tuple[str, Any]]] = tuple
    apply: Callable[[Select[Any], str], Select[Any]] | None = None
    column: ColumnElement[Any] | InstrumentedAttribute[Any] | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """The names by which it stands in an address."""
        return (self.key,) if self.kind in ("choice", "flag") else (f"{self.key}_from", f"{self.key}_to")


@dataclass(frozen=True)
class BulkAct:
    """What can be done with the chosen rows: `consequence` says before what will happen (`{count}` is how many).

    `applies` says of a row whether it can be chosen for this; `endpoint` takes the ids as `chosen`.
    """

    key: str
    label: Any
    icon: str
    endpoint: str
    permission: Permission
    title: Any
    consequence: Any
    applies: Callable[[Any], bool]
    tone: str = "primary"


@dataclass(frozen=True)
class ListOf:
    """A list. `statement` selects ORM entities, so that what a person may not see is left out by itself.

    `key` are the columns that tell its rows apart, in the order in which they came; `options` load what rows show.
    `search` gives the condition for a text that was entered.
    """

    name: str
    title: Any
    endpoint: str
    permission: Permission
    statement: Callable[[], Select[Any]]
    key: tuple[Any, ...]
    columns: tuple[Column, ...]
    filters: tuple[Filter, ...] = ()
    search: Callable[[str], ColumnElement[bool]] | None = None
    search_label: Any = ""
    acts: tuple[BulkAct, ...] = ()
    options: tuple[ExecutableOption, ...] = ()
    row_id: Callable[[Any], int] = field(default=lambda row: row.id)
    sort: str = ""
    """How it is sorted unless somebody wants it otherwise; empty for the newest first."""

    def column(self, key: str) -> Column | None:
        """A column by its key."""
        return next((each for each in self.columns if each.key == key), None)


_lists: dict[str, ListOf] = {}


def declare_list(declared: ListOf) -> ListOf:
    """Make a list known by its name, for what people keep of it and for its export."""
    _lists[declared.name] = declared
    return declared


def list_named(name: str) -> ListOf:
    """A declared list; raises `UnknownList`."""
    found = _lists.get(name)
    if found is None:
        raise UnknownList(name)
    return found
