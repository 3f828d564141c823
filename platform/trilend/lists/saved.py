"""Columns and filters that people keep of lists, for themselves or for all."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.errors import NotFound
from trilend.lists.errors import FilterNameMissing, NotYours, TooManyFilters
from trilend.lists.grammar import Column, ListOf
from trilend.lists.models import ListChoice, SavedFilter

MOST_FILTERS = 30


@dataclass(frozen=True)
class Kept:
    """What somebody keeps of a list: the columns, the filters (shared ones of others too), and that to begin with."""

    columns: tuple[str, ...]
    filters: Sequence[SavedFilter]
    first: SavedFilter | None

    def shown(self, wanted: ListOf) -> list[Column]:
        """The columns to show: those that were chosen, in the list's order, or the usual ones."""
        chosen = [column for column in wanted.columns if column.key in self.columns]
        return chosen or [column for column in wanted.columns if column.usual]


def kept_of(session: Session, user_id: int, name: str) -> Kept:
    """What a person keeps of a list; one query."""
    visible = (SavedFilter.list_name == name) & or_(SavedFilter.user_id == user_id, SavedFilter.shared.is_(True))
    begin = select(func.max(1).label("one")).subquery()
    rows = session.execute(
        select(ListChoice, SavedFilter)
        .select_from(begin)
        .outerjoin(ListChoice, (ListChoice.user_id == user_id) & (ListChoice.list_name == name))
        .outerjoin(SavedFilter, visible)
        .order_by(SavedFilter.shared, SavedFilter.name)
    ).all()
    choice = rows[0][0]
    filters = [row[1] for row in rows if row[1] is not None]
    first = next((each for each in filters if choice is not None and each.id == choice.filter_id), None)
    return Kept(tuple((choice.columns if choice else None) or ()), filters, first)


def choose_columns(session: Session, user_id: int, wanted: ListOf, keys: Sequence[str]) -> None:
    """Keep which columns a person wants to see; none, or the usual ones, is as if nothing had been chosen."""
    known = [column.key for column in wanted.columns if column.key in keys]
    usual = [column.key for column in wanted.columns if column.usual]
    _keep(session, user_id, wanted.name, columns=None if not known or known == usual else known)


def save_filter(session: Session, actor: Actor, wanted: ListOf, *, name: str, query: str, shared: bool) -> SavedFilter:
    """Keep filters and sorting under a name, over those of the same name; raises `FilterNameMissing`, `TooManyFilters`."""
    name = " ".join(name.split())[:60]
    if not name or actor.user_id is None:
        raise FilterNameMissing
    own = session.scalars(
        select(SavedFilter).where(SavedFilter.list_name == wanted.name, SavedFilter.user_id == actor.user_id)
    ).all()
    found = next((each for each in own if each.name == name), None)
    if found is None and len(own) >= MOST_FILTERS:
        raise TooManyFilters(MOST_FILTERS)
    if found is None:
        found = SavedFilter(list_name=wanted.name, user_id=actor.user_id, name=name)
        session.add(found)
    found.query, found.shared = query[:1000], shared
    session.flush()
    if shared:
        record(session, actor, "filter.shared", "saved_filter", found.id, list=wanted.name, name=name)
    return found


def begin_with(session: Session, user_id: int, wanted: ListOf, filter_id: int | None) -> None:
    """Have a list open with one of its filters, or with all rows; raises `NotFound` for one the person cannot see."""
    if filter_id is not None:
        _visible(session, user_id, wanted, filter_id)
    _keep(session, user_id, wanted.name, filter_id=filter_id)


def delete_filter(session: Session, actor: Actor, wanted: ListOf, filter_id: int, *, may_share: bool) -> None:
    """Forget a filter: one's own, or with the permission to share a shared one; raises `NotFound`, `NotYours`."""
    found = _visible(session, actor.user_id or 0, wanted, filter_id)
    if found.user_id != actor.user_id and not may_share:
        raise NotYours
    if found.shared:
        record(session, actor, "filter.removed", "saved_filter", found.id, list=wanted.name, name=found.name)
    session.delete(found)
    session.flush()


def _visible(session: Session, user_id: int, wanted: ListOf, filter_id: int) -> SavedFilter:
    found = session.get(SavedFilter, filter_id)
    if found is None or found.list_name != wanted.name or not (found.shared or found.user_id == user_id):
        raise NotFound(_l("This filter does not exist."), id=filter_id)
    return found


def _keep(session: Session, user_id: int, name: str, **values: object) -> None:
    row = insert(ListChoice).values(user_id=user_id, list_name=name, **values)
    session.execute(row.on_conflict_do_update(index_elements=["user_id", "list_name"], set_=values))
