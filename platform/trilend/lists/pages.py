"""Renders a declared list: the one page that all lists share, with what is the list's own around it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import current_app, g, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from trilend.kinds import Permission
from trilend.lists.grammar import BulkAct, Column, Filter, ListOf
from trilend.lists.query import Query, read_query
from trilend.lists.reading import COUNTED, Page, count, read_page
from trilend.lists.saved import Kept, kept_of
from trilend.tenancy.context import tenant_session
from trilend.web.formats import day, money

PAGE_SIZE = 50
EVERYTHING = "all"
"""The argument that asks for all rows although a filter is kept to begin with."""


@dataclass(frozen=True)
class Chip:
    """A filter in force, in words, and the arguments whose removal lifts it."""

    text: str
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class ShownList:
    """All that the page of a list shows."""

    of: ListOf
    query: Query
    columns: Sequence[Column]
    page: Page
    total: int
    kept: Kept
    acts: Sequence[BulkAct]
    chips: Sequence[Chip]
    saved: int | None
    may_export: bool
    may_share: bool

    @property
    def is_counted(self) -> bool:
        """Whether `total` is exact."""
        return self.total <= COUNTED

    @property
    def ranges(self) -> Sequence[Filter]:
        """The filters that have two ends, which stand apart."""
        return [each for each in self.of.filters if each.kind in ("days", "amounts")]

    @property
    def has_ranges(self) -> bool:
        """Whether one of these is in force."""
        return any(name in self.query.given for each in self.ranges for name in each.arguments)

    @property
    def counted(self) -> str:
        """How many rows there are, in words."""
        return f"{self.total:,}" if self.is_counted else gettext("more than %(num)s", num=f"{COUNTED:,}")

    def acts_on(self, row: Any) -> str:
        """The keys of the acts that a row can be chosen for, empty if there is none."""
        return " ".join(act.key for act in self.acts if act.applies(row))


def list_page(wanted: ListOf, template: str, **values: Any) -> str | Response:
    """The page of a list, as the address asks for it; what somebody keeps to begin with comes by a redirect."""
    session = tenant_session()
    kept = kept_of(session, g.user.id, wanted.name)
    if not request.args and kept.first is not None:
        return redirect(f"{request.path}?{kept.first.query}&filter={kept.first.id}")
    query = read_query(wanted, request.args)
    page = read_page(
        session,
        wanted,
        query,
        before=request.args.get("before", ""),
        after=request.args.get("after", ""),
        size=PAGE_SIZE,
    )
    shown = ShownList(
        of=wanted,
        query=query,
        columns=kept.shown(wanted),
        page=page,
        total=count(session, wanted, query),
        kept=kept,
        acts=[act for act in wanted.acts if _holds(act.permission)],
        chips=_chips(wanted, query),
        saved=next((each.id for each in kept.filters if each.query == query.text), None),
        may_export=_holds(("can_export", "Lists")),
        may_share=_holds(("can_share", "Lists")),
    )
    return render_template(template, list=shown, **values)


def _holds(permission: Permission) -> bool:
    return permission in current_app.appbuilder.sm.permissions_of(g.user.id)  # type: ignore[attr-defined]


def _chips(wanted: ListOf, query: Query) -> list[Chip]:
    chips = [
        Chip(f"{each.label}: {_words(each, values)}" if each.kind != "flag" else str(each.label), each.arguments)
        for each in wanted.filters
        if any(values := [query.given.get(name, "") for name in each.arguments])
    ]
    if query.search:
        chips.append(Chip(gettext("“%(text)s”", text=query.search), ("q",)))
    return chips


def _words(each: Filter, values: Sequence[str]) -> str:
    if each.kind == "choice":
        return str(dict(each.choices())[values[0]])
    low, high = (_end(each, value) for value in values)
    if low and high:
        return f"{low} – {high}"
    return str(gettext("from %(low)s", low=low) if low else gettext("up to %(high)s", high=high))


def _end(each: Filter, value: str) -> str:
    if not value:
        return ""
    return day(date.fromisoformat(value)) if each.kind == "days" else money(Decimal(value))


def back_to(wanted: ListOf, query: str) -> str:
    """The address of a list with a query."""
    return f"{url_for(wanted.endpoint)}?{query or EVERYTHING + '=1'}"
