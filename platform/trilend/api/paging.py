"""Pages of a list by cursor: newest first, each row once, whatever is added in between."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from flask_babel import gettext
from pydantic import Field
from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from trilend.api.errors import FieldFault, InvalidCall
from trilend.api.fields import Answer, Line, Query

Item = TypeVar("Item")
MOST_ROWS = 200


class HasId(Protocol):
    """A row with a key that grows."""

    id: Any


Row = TypeVar("Row", bound=HasId)


class PageQuery(Query):
    """How many rows, and from where on."""

    limit: int = Field(50, ge=1, le=MOST_ROWS, description="rows of a page")
    cursor: Line = Field("", max_length=64, description="`next_cursor` of the page before")


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
    """The page asked for; `key` is the id of the rows, `show` turns them into items. Raises `InvalidCall`."""
    if asked.cursor:
        statement = statement.where(key < _id_at(asked.cursor))
    found = session.scalars(statement.order_by(key.desc()).limit(asked.limit + 1)).all()
    rows = found[: asked.limit]
    return Page(items=show(rows), next_cursor=_cursor_at(rows[-1].id) if len(found) > len(rows) else None)


def days_within(column: InstrumentedAttribute[Any], asked: Query, first: str, last: str) -> list[ColumnElement[bool]]:
    """The conditions of two parameters that bound a day, both days included; raises `InvalidCall` if they are crossed."""
    begin, end = getattr(asked, first), getattr(asked, last)
    if begin is not None and end is not None and begin > end:
        raise InvalidCall(
            [FieldFault(last, "range", gettext("Choose a day that is not before %(first)s.", first=first))]
        )
    return [column >= begin] * (begin is not None) + [column <= end] * (end is not None)


def _cursor_at(row_id: int) -> str:
    return urlsafe_b64encode(str(row_id).encode()).decode().rstrip("=")


def _id_at(cursor: str) -> int:
    try:
        row_id = int(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise InvalidCall([FieldFault("cursor", "cursor", gettext("Use the cursor of the page before."))]) from error
    if not 0 < row_id < 2**63:
        raise InvalidCall([FieldFault("cursor", "cursor", gettext("Use the cursor of the page before."))])
    return row_id
