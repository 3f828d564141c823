"""What an act changed, field by field: before and after, with what is sensitive masked before it is stored."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any

from sqlalchemy import Column, inspect

from trilend.audit.masks import masked, without_personal_numbers

HIDDEN = "***"
# Of JSON, which has no column types that say so; settings of connections have such keys.
SENSITIVE_KEYS = frozenset(
    {"account_number", "identifier", "mobile", "resident_id", "card_number", "password", "secret"}
)
Changes = dict[str, list[Any]]


@dataclass(frozen=True)
class Snapshot:
    """The fields of a row at one moment; holds sensitive values in memory, shows them masked only."""

    values: Mapping[str, Any]
    sensitive: frozenset[str] = frozenset()

    def shown(self, field: str) -> Any:
        """The value of a field as the log may hold it."""
        value = self.values.get(field)
        if value in (None, "") or field not in self.sensitive:
            return _plain(value)
        return masked(value) if isinstance(value, str) else HIDDEN


def snapshot(subject: Any, *fields: str) -> Snapshot:
    """The named fields of a row, or all that may be logged: not its key, its times, and columns with `audited=False`.

    A column whose type is `sensitive` (every sealed one) is masked. An object of JSON is taken key by key.
    """
    columns = {attribute.key: attribute.columns[0] for attribute in inspect(type(subject)).column_attrs}
    values: dict[str, Any] = {}
    sensitive: set[str] = set()
    for name in fields or _audited(columns):
        value = getattr(subject, name)
        parts = {f"{name}.{key}": part for key, part in value.items()} if isinstance(value, dict) else {name: value}
        values |= parts
        if name in columns and getattr(columns[name].type, "sensitive", False):
            # Whole secrets are not even partly shown.
            sensitive |= parts.keys()
            values |= {key: (part,) for key, part in parts.items() if isinstance(value, dict)}
        elif isinstance(value, dict):
            sensitive |= {f"{name}.{key}" for key in value if key in SENSITIVE_KEYS}
    return Snapshot(values, frozenset(sensitive))


def changed(before: Snapshot | None, after: Snapshot | None) -> Changes:
    """Pairs of before and after for the fields that differ; None on one side when the row was made or removed."""
    nothing = Snapshot({})
    old, new = before or nothing, after or nothing
    names = [*old.values, *(name for name in new.values if name not in old.values)]
    pairs = {name: [old.shown(name), new.shown(name)] for name in names if _differs(old, new, name)}
    return {name: pair for name, pair in pairs.items() if pair != ["", None] and pair != [None, ""]}


def _differs(old: Snapshot, new: Snapshot, name: str) -> bool:
    return bool(old.values.get(name) != new.values.get(name))


def _audited(columns: Mapping[str, Column[Any]]) -> Iterable[str]:
    return [
        name
        for name, column in columns.items()
        if not column.primary_key and name != "created_at" and column.info.get("audited", True)
    ]


def _plain(value: Any) -> Any:
    match value:
        case Enum():
            return value.value
        case str():
            return without_personal_numbers(value)
        case None | bool() | int():
            return value
        case Decimal():
            return f"{value.normalize():f}"
        case datetime() | date():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(part) for key, part in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain(part) for part in value]
    return str(value)
