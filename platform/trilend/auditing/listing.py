"""Reads the log for people: filtered, newest first, page after page by key."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, func, select, text, tuple_
from sqlalchemy.orm import Session, aliased

from trilend.audit.models import AuditEntry, AuditHead, AuditLink
from trilend.errors import NotFound

PAGE = 50
_SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Filters:
    """What is looked for; days are those of Shanghai, both included."""

    actor: str = ""
    act: str = ""
    subject_type: str = ""
    subject_id: int | None = None
    since: date | None = None
    until: date | None = None

    def __bool__(self) -> bool:
        """Whether anything is left out."""
        return self != Filters()

    def as_json(self) -> dict[str, Any]:
        """Plain values, for a job's payload."""
        return {name: value.isoformat() if isinstance(value, date) else value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Filters":
        """What `as_json` gave."""
        days = {name: date.fromisoformat(values[name]) for name in ("since", "until") if values[name]}
        return cls(**(values | days))

    def conditions(self, entry: Any = AuditEntry) -> list[ColumnElement[bool]]:
        """The filters in SQL, in the forms that the indexes of the table answer."""
        equal = {name: getattr(self, name) for name in ("actor", "act", "subject_type")}
        found: list[ColumnElement[bool]] = [getattr(entry, name) == value for name, value in equal.items() if value]
        if self.subject_id is not None:
            found.append(entry.subject_id == self.subject_id)
        if self.since:
            found.append(entry.created_at >= _midnight(self.since))
        if self.until:
            found.append(entry.created_at < _midnight(self.until + timedelta(days=1)))
        return found


@dataclass(frozen=True)
class Cursor:
    """A place in the list: before which line (older) or after which (newer) to go on."""

    at: datetime
    id: int
    newer: bool = False

    def __str__(self) -> str:
        """For an address."""
        return f"{int(self.at.timestamp())}.{self.at.microsecond:06d}.{self.id}{'.n' if self.newer else ''}"

    @classmethod
    def read(cls, given: str) -> "Cursor | None":
        """From an address; None for what is none."""
        parts = given.split(".")
        if len(parts) not in (3, 4) or not all(
            part.isascii() and part.isdigit() and len(part) < 19 for part in parts[:3]
        ):
            return None
        seconds, micros, number = map(int, parts[:3])
        if seconds > 99_999_999_999 or micros > 999_999:
            return None
        return cls(datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros), number, len(parts) == 4)


@dataclass(frozen=True)
class Page:
    """Some lines, newest first, and where newer and older ones begin."""

    lines: Sequence[tuple[AuditEntry, int | None]]
    newer: Cursor | None
    older: Cursor | None


@dataclass(frozen=True)
class LinkedLine:
    """One line with its place in the chain."""

    entry: AuditEntry
    link: AuditLink
    previous: bytes


def page_of(session: Session, filters: Filters, cursor: Cursor | None, size: int = PAGE) -> Page:
    """A page of the log; costs the same wherever it lies."""
    key = tuple_(AuditEntry.created_at, AuditEntry.id)
    statement = _lines().where(*filters.conditions())
    upwards = cursor is not None and cursor.newer
    if cursor is not None:
        place = tuple_(cursor.at, cursor.id)
        statement = statement.where(key > place if upwards else key < place)
    order = (AuditEntry.created_at, AuditEntry.id)
    statement = statement.order_by(*order) if upwards else statement.order_by(*(part.desc() for part in order))
    rows: list[tuple[AuditEntry, int | None]] = [(row[0], row[1]) for row in session.execute(statement.limit(size + 1))]
    more, rows = len(rows) > size, rows[:size]
    if upwards:
        rows.reverse()
    if not rows:
        return Page(rows, None, None)
    has_newer = more if upwards else cursor is not None
    has_older = True if upwards else more
    first, last = rows[0][0], rows[-1][0]
    return Page(
        rows,
        Cursor(first.created_at, first.id, newer=True) if has_newer else None,
        Cursor(last.created_at, last.id) if has_older else None,
    )


def line_of(session: Session, entry_id: int) -> LinkedLine:
    """One line with its place in the chain; raises `NotFound`."""
    before = aliased(AuditLink)
    row = session.execute(
        select(AuditEntry, AuditLink, before.hash)
        .join(AuditLink, AuditLink.entry_id == AuditEntry.id)
        .outerjoin(before, before.number == AuditLink.number - 1)
        .where(AuditEntry.id == entry_id)
    ).one_or_none()
    if row is None:
        raise NotFound(_l("This line of the audit log does not exist."), id=entry_id)
    return LinkedLine(row[0], row[1], bytes(row[2] or bytes(32)))


def choices(session: Session, column: str) -> Sequence[str]:
    """The different actors or acts of the log, by as many look-ups in an index as there are of them."""
    if column not in ("actor", "act"):
        raise ValueError(f"no choices of {column}")
    return session.scalars(text(_DIFFERENT.replace("{column}", column))).all()


def lines_in_log(session: Session) -> int:
    """How many lines the chain holds."""
    return session.scalars(select(AuditHead.number)).one_or_none() or 0


def count_up_to(session: Session, filters: Filters, most: int) -> int:
    """How many lines match, counted no further than `most` and one."""
    some = select(AuditEntry.id).where(*filters.conditions()).limit(most + 1).subquery()
    return session.scalar(select(func.count()).select_from(some)) or 0


def _lines() -> Select[AuditEntry, int | None]:
    return select(AuditEntry, AuditLink.number).outerjoin(AuditLink, AuditLink.entry_id == AuditEntry.id)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, _SHANGHAI)


_DIFFERENT = """
WITH RECURSIVE found AS (
    SELECT min({column}) AS value FROM audit_entry
    UNION ALL
    SELECT (SELECT min({column}) FROM audit_entry WHERE {column} > found.value) FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL LIMIT 500
"""
