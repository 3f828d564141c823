"""People in the order in which a reader looks for a name, on the pages that Flask-AppBuilder lists them on."""

from typing import Any

from flask_appbuilder.models.sqla.interface import SQLAInterface
from sqlalchemy import asc, desc

from trilend.web.sorting import by_name

_NAMES = frozenset({"first_name"})


class PeopleByName(SQLAInterface):  # type: ignore[misc]
    """The library's way to the table of people; the full name is ordered as names are."""

    def apply_order_by(self, query: Any, order_column: str, order_direction: str, *others: Any, **options: Any) -> Any:
        """Order by a column, and by the key among equals."""
        if order_column not in _NAMES:
            return super().apply_order_by(query, order_column, order_direction, *others, **options)
        direction = asc if order_direction == "asc" else desc
        return query.order_by(direction(by_name(getattr(self.obj, order_column))), direction(self.obj.id))
