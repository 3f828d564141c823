"""What the templates of Flask-AppBuilder's own pages need: how a value is shown, and a list's filters as plain rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Protocol

from flask_babel import gettext
from markupsafe import Markup
from wtforms import Field, Form, fields

from trilend.web.assets import icon_names
from trilend.web.badges import status_badge
from trilend.web.controls import check_list, control_kind
from trilend.web.formats import NOTHING, day, instant
from trilend.web.names import name_of

_SHOWN_IN_A_CELL = 4

# Flask-AppBuilder names icons of Font Awesome; those that its views and ours use, in the sprite's names.
_ICONS = {
    "fa-lock": "lock",
    "fa-edit": "edit",
    "fa-copy": "copy",
    "fa-rocket": "rocket",
    "fa-trash": "trash",
    "fa-user": "user",
    "fa-users": "users",
    "fa-search": "search",
    "fa-key": "key",
    "fa-cogs": "settings",
    "fa-check": "check",
}


class _ListFilter(Protocol):
    column_name: str
    name: str
    arg_name: str | None


class _ListFilters(Protocol):
    def get_search_filters(self) -> dict[str, list[_ListFilter]]: ...

    def get_filters_values(self) -> Iterable[tuple[_ListFilter, object]]: ...


@dataclass(frozen=True)
class FilterRow:
    """One column that a list can be filtered by."""

    column: str
    label: str
    kind: str
    """text, number, day, choice or flag."""
    operators: tuple[tuple[str, str, bool], ...]
    """Index, name and whether chosen, of each comparison that the column allows."""
    value: str
    choices: tuple[tuple[str, str], ...]

    @property
    def active(self) -> bool:
        """Whether the list is filtered by this column now."""
        return any(chosen for _, _, chosen in self.operators)


def shown_value(value: object, limit: int = 0) -> str | Markup:
    """A value of a model as a person reads it; of a collection the first `limit` members, all of them for 0."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return status_badge("yes" if value else "no")
    if isinstance(value, list | tuple | set | frozenset):
        return _members([name_of(member) for member in value], limit)
    return _formatted(value)


def list_value(value: object) -> str | Markup:
    """A value in a cell of a list, where only the first few members of a collection find room."""
    return shown_value(value, _SHOWN_IN_A_CELL)


def action_icon(name: str | None) -> str:
    """The sprite's icon for an action's icon name, whichever of the two families it is from."""
    wanted = (name or "").split()[-1] if name else ""
    return wanted if wanted in icon_names() else _ICONS.get(wanted, "bolt")


def filter_rows(form: Form, columns: Iterable[str], filters: _ListFilters) -> list[FilterRow]:
    """The filters of a list, with what is chosen now."""
    offered = filters.get_search_filters()
    chosen = {flt.column_name: (type(flt), value) for flt, value in filters.get_filters_values()}
    return [_filter_row(form[column], column, offered[column], chosen.get(column)) for column in columns]


def _formatted(value: object) -> str | Markup:
    writers: list[tuple[type, Callable[..., str]]] = [
        (Markup, Markup),
        (datetime, instant),
        (date, day),
        (Decimal, "{:,}".format),
    ]
    return next((write(value) for kind, write in writers if isinstance(value, kind)), str(value))


def _members(names: list[str], limit: int) -> str | Markup:
    if not names:
        return NOTHING
    shown = names if not limit else names[:limit]
    badges = Markup(" ").join(Markup('<span class="badge member-badge">{}</span>').format(name) for name in shown)
    hidden = len(names) - len(shown)
    if hidden:
        more = gettext("and %(count)d more", count=hidden)
        badges += Markup(' <span class="text-secondary">{}</span>').format(more)
    return Markup('<span class="members">{}</span>').format(badges)


def _filter_row(field: Field, column: str, offered: list[_ListFilter], chosen: tuple[type, object] | None) -> FilterRow:
    kind = _filter_kind(field)
    operators = [
        (str(index), _operator_name(flt, kind), chosen is not None and isinstance(flt, chosen[0]))
        for index, flt in enumerate(offered)
        if kind != "flag" or flt.arg_name in {"eq", "neq"}
    ]
    return FilterRow(
        column=column,
        label=str(field.label.text),
        kind=kind,
        operators=tuple(operators),
        value="y" if kind == "flag" else _first(chosen[1] if chosen else ""),
        choices=tuple((value, label) for value, label, _ in check_list(field)) if kind == "choice" else (),
    )


def _filter_kind(field: Field) -> str:
    if control_kind(field) in {"select", "checks"}:
        return "choice"
    kinds: list[tuple[type[Field], str]] = [
        (fields.BooleanField, "flag"),
        (fields.DateField, "day"),
        (fields.DateTimeField, "day"),
        (fields.IntegerField, "number"),
        (fields.DecimalField, "number"),
        (fields.FloatField, "number"),
    ]
    return next((kind for field_type, kind in kinds if isinstance(field, field_type)), "text")


def _operator_name(flt: _ListFilter, kind: str) -> str:
    if kind != "flag":
        return str(flt.name)
    return str(gettext("Yes") if flt.arg_name == "eq" else gettext("No"))


def _first(value: object) -> str:
    return str(value[0]) if isinstance(value, list) and value else str(value or "")
