"""Pages of a list by cursor: newest first, each row once, whatever is added in between."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Protocol, TypeVar

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError
from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from trilend.api.fields import Answer, Query

Item = TypeVar("Item")
MOST_ROWS = 200


_CURSOR = r"^([0-7][0-9a-f]{15})?$"


def _cursor(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(_CURSOR, value):
        raise PydanticCustomError("cursor", "not a cursor")
    return value


Cursor = Annotated[str, BeforeValidator(_cursor), WithJsonSchema({"type": "string", "pattern": _CURSOR})]
"""Where a page begins: the id of the last row before it."""


class HasId(Protocol):
    """A row with a key that grows."""

    id: Any


Row = TypeVar("Row", bound=HasId)


class PageQuery(Query):
    """How many rows, and from where on."""

    limit: int = Field(50, ge=1, le=MOST_ROWS, description="rows of a page")
    cursor: Cursor = Field("", description="`next_cursor` of the page before")


class Page(Answer, Generic[Item]):
    """Some rows of a list, and the cursor of the next ones (null at the end)."""

    items: Sequence[Item]
    next_cursor: str | None


def page_of(
    session: Session,
    statement: Select[Row],
    key: InstrumentedAttribute[int],
    asked: PageQuery,
    show: Callable[[Sequence[Row]], Sequence[Item]],
) -> Page[Item]:
    """The page asked for; `key` is the id of the rows, `show` turns them into items."""
    if asked.cursor:
        statement = statement.where(key < int(asked.cursor, 16))
    found = session.scalars(statement.order_by(key.desc()).limit(asked.limit + 1)).all()
    rows = found[: asked.limit]
    return Page(items=show(rows), next_cursor=f"{rows[-1].id:016x}" if len(found) > len(rows) else None)


def days_within(column: InstrumentedAttribute[Any], asked: Query, first: str, last: str) -> list[ColumnElement[bool]]:
    """The conditions of two parameters that bound a day, both days included."""
    begin, end = getattr(asked, first), getattr(asked, last)
    conditions = []
    if begin is not None:
        conditions.append(column >= begin)
    if end is not None:
        conditions.append(column <= end)
    return conditions
