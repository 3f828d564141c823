"""The one place where what a person may not see is kept out of every query of the tenant's session."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, cast

from sqlalchemy import ClauseElement, ColumnElement, ForeignKey, Table, and_, event, exists, or_
from sqlalchemy.orm import Mapped, ORMExecuteState, mapped_column, with_loader_criteria
from sqlalchemy.sql import visitors
from sqlalchemy.sql.base import ExecutableOption

from trilend.kinds import kinds
from trilend.organization.models import ROOT
from trilend.organization.sight import LOOKING_UP, Sight, sight_of
from trilend.tenancy.context import TenantSession, current_tenant


class Scoped:
    """Mixin of models whose rows not everybody may see.

    `scoped_as`, where a model has one, is what the audit log, documents and hand-overs call its rows.
    """

    scoped_as: ClassVar[str] = ""

    @classmethod
    def visible_to(cls, row: Any, sight: Sight) -> ColumnElement[bool]:
        """Which rows are seen: a condition on `row`, the model itself or the columns of an alias of its table."""
        raise NotImplementedError


class Owned(Scoped):
    """Mixin of models that belong to a person and to the department that person works in.

    What nobody owns belongs to its department alone. `hand_over_act` is what the audit log calls a change of owner.
    """

    hand_over_act: ClassVar[str]

    owner_id: Mapped[int | None] = mapped_column(ForeignKey("ab_user.id"), info={"audited": False})
    department_id: Mapped[int] = mapped_column(
        ForeignKey("department.id"), default=ROOT, server_default=str(ROOT), info={"audited": False}
    )

    @classmethod
    def visible_to(cls, row: Any, sight: Sight) -> ColumnElement[bool]:
        """By owner or department."""
        return sight.covers(row.owner_id, row.department_id)


class OfSubject(Scoped):
    """Mixin of models that hang on anything (`loan`, 12): seen by those who see that, if it is a thing that is scoped."""

    @classmethod
    def visible_to(cls, row: Any, sight: Sight) -> ColumnElement[bool]:
        """A look at the one row it hangs on; by `EXISTS`, for a detail page asks for few of these."""
        subjects = _subjects()
        return or_(
            row.subject_type.not_in(list(subjects)), *(_hangs_on(row, *each, sight) for each in subjects.items())
        )


def _hangs_on(row: Any, name: str, model: type[Scoped], sight: Sight) -> ColumnElement[bool]:
    subject = model.__table__.alias()  # type: ignore[attr-defined]
    seen = exists().where(subject.c.id == row.subject_id, model.visible_to(subject.c, sight))
    return and_(row.subject_type == name, seen)


class UnscopableStatement(RuntimeError):
    """A statement reads scoped tables in a way that the session cannot hold to what a person may see."""


def mapped(base: type[Scoped] = Scoped) -> Iterator[type[Scoped]]:
    """All models below a mixin that have a table."""
    for model in base.__subclasses__():
        if hasattr(model, "__table__"):
            yield model
        else:
            yield from mapped(model)


def owned_models() -> Sequence[type[Owned]]:
    """The models that people own."""
    return [model for model in mapped(Owned) if issubclass(model, Owned)]


def _subjects() -> Mapping[str, type[Scoped]]:
    """Things of the bound tenant's kind on which others hang; tables of other kinds do not exist there."""
    foreign = {table for kind in kinds().values() if kind.name != current_tenant().kind for table in kind.tables}
    return {model.scoped_as: model for model in mapped() if model.scoped_as and _table(model) not in foreign}


@event.listens_for(TenantSession, "do_orm_execute")
def _keep_in_sight(state: ORMExecuteState) -> None:
    """Add to every query and change by condition that its rows are seen; a query that cannot take it is refused."""
    if state.is_column_load or state.is_relationship_load or state.execution_options.get(LOOKING_UP):
        # What belongs to a row that is seen, or finds out what is seen.
        return
    if state.is_insert and getattr(state.statement, "select", None) is None:
        # New rows; what an INSERT … SELECT reads cannot be held to a sight and is refused below.
        return
    sight = sight_of(state.session)
    if sight.whole:
        return
    if state.is_orm_statement and not state.is_insert:
        state.statement = state.statement.options(*_options(sight, current_tenant().kind, tuple(mapped())))
    elif _reads_scoped(state):
        raise UnscopableStatement("select the models of scoped tables, not their tables or a union of them")


@lru_cache(maxsize=256)
def _options(sight: Sight, _kind: str, models: tuple[type[Scoped], ...]) -> tuple[ExecutableOption, ...]:
    """The criteria of a sight, made once: they hold what the sight holds, and no rows."""
    return tuple(with_loader_criteria(model, model.visible_to(model, sight), include_aliases=True) for model in models)


def _reads_scoped(state: ORMExecuteState) -> bool:
    tables = {_table(model) for model in mapped()}
    return any(
        isinstance(part, Table) and part in tables for part in visitors.iterate(cast(ClauseElement, state.statement))
    )


def _table(model: type[Scoped]) -> Table:
    table: Table = model.__table__  # type: ignore[attr-defined]
    return table
