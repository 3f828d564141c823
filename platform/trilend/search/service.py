"""Keeps what records are found by, in the transaction in which they are written, and finds them again."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.base import ExecutableOption

from trilend.kinds import Permission
from trilend.search.models import SearchEntry
from trilend.search.words import as_vector, matching

PER_SOURCE = 6


@dataclass(frozen=True)
class Words:
    """What one record is found by: its id, its name where it has one, and the words."""

    subject_id: int
    words: Iterable[str]
    name: str = ""


@dataclass(frozen=True)
class Hit:
    """A record that was found: what it is called, what tells it apart (masked), and its page."""

    title: str
    note: str
    url: str


@dataclass(frozen=True)
class Source:
    """A sort of records that can be found.

    `select` selects the ORM entity itself for the ids of a statement, so that what a person may not see is left out by
    itself. `also` gives the ids of records that belong to a found one of another source. `words` says what a record is
    found by, for those that were there before this was kept.
    """

    name: str
    label: Any
    icon: str
    permission: Permission
    entity: type[Any]
    hit: Callable[[Any], Hit]
    words: Callable[[Any], Words]
    options: tuple[ExecutableOption, ...] = ()
    also: tuple[str, Any] | None = None
    kind: str = ""


_sources: dict[str, Source] = {}


def declare_source(source: Source) -> Source:
    """Let records of a sort be found."""
    _sources[source.name] = source
    return source


def sources(kind: str) -> Sequence[Source]:
    """The sources of a kind of business."""
    return [source for source in _sources.values() if source.kind in ("", kind)]


def keep(session: Session, source: Source, records: Iterable[Any]) -> None:
    """Keep what these records are found by, over what was kept; one statement, in the caller's transaction."""
    kept = [source.words(record) for record in records]
    rows = [
        {
            "subject_type": source.name,
            "subject_id": each.subject_id,
            "name": each.name[:200],
            "words": as_vector(each.words),
        }
        for each in kept
    ]
    if not rows:
        return
    statement = insert(SearchEntry)
    set_ = {"name": statement.excluded.name, "words": statement.excluded.words}
    session.execute(statement.on_conflict_do_update(index_elements=["subject_type", "subject_id"], set_=set_), rows)


def found_ids(source_name: str, entered: str) -> Select[Any] | None:
    """A statement of the ids of records that match what was entered; None for too little."""
    condition = matching(entered)
    if condition is None:
        return None
    return select(SearchEntry.subject_id).where(SearchEntry.subject_type == source_name, condition)


def condition_on(source_name: str, key: Any, entered: str) -> ColumnElement[bool]:
    """The condition for the list of a sort: its records that match what was entered."""
    ids = found_ids(source_name, entered)
    condition: ColumnElement[bool] = key.in_(ids) if ids is not None else key.is_(None)
    return condition


def search(session: Session, entered: str, wanted: Sequence[Source]) -> Mapping[Source, Sequence[Hit]]:
    """The best hits of each source: what is called exactly so first, then the newest. One statement a source."""
    found = {}
    for source in wanted:
        statement = _statement(source, entered)
        if statement is None:
            return {}
        hits = [source.hit(record) for record in session.scalars(statement)]
        if hits:
            found[source] = hits
    return found


def _statement(source: Source, entered: str) -> Select[Any] | None:
    condition = matching(entered)
    if condition is None:
        return None
    key = source.entity.id
    if source.also is None:
        exact = case((SearchEntry.name == entered.strip(), 0), else_=1)
        statement = (
            select(source.entity)
            .join(SearchEntry, (SearchEntry.subject_type == source.name) & (SearchEntry.subject_id == key))
            .where(condition)
            .order_by(exact, key.desc())
        )
    else:
        other, column = source.also
        own = select(SearchEntry.subject_id).where(SearchEntry.subject_type == source.name, condition)
        theirs = (
            select(key)
            .join(SearchEntry, (SearchEntry.subject_type == other) & (SearchEntry.subject_id == column))
            .where(condition)
        )
        statement = select(source.entity).where(key.in_(own.union(theirs))).order_by(key.desc())
    return statement.options(*source.options).limit(PER_SOURCE)
