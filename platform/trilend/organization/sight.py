"""What the person or program behind the running work may see of the business, as a value."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

from flask import g, has_request_context
from flask import session as cookie
from flask_appbuilder.security.sqla.models import User, assoc_user_role
from sqlalchemy import ColumnElement, Select, and_, any_, bindparam, false, func, select, true
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.orm import Session

from trilend.organization.models import (
    ROOT,
    ROOT_PATH,
    DataScope,
    Department,
    Placement,
    ProgramDepartment,
    RoleScope,
)

LOOKING_UP = "trilend_looking_up_sight"
"""Execution option of the queries by which it is found out what may be seen: they are not held to it themselves."""


@dataclass(frozen=True)
class Sight:
    """What may be seen: everything, what these departments hold, what one person owns (or only that of both), or nothing."""

    whole: bool = False
    departments: tuple[int, ...] | None = None
    owner: int | None = None
    home: int | None = None
    """The department to which belongs what a program makes that is held to one."""

    def covers(self, owner_id: ColumnElement[int | None], department_id: ColumnElement[int]) -> ColumnElement[bool]:
        """The condition on a row's owner and department; comparisons that an index answers."""
        if self.whole:
            return true()
        if self == NOTHING:
            return false()
        conditions: list[ColumnElement[bool]] = []
        if self.departments is not None:
            held = bindparam(None, list(self.departments), type_=ARRAY(BIGINT))
            conditions.append(department_id == any_(held))
        if self.owner is not None:
            conditions.append(owner_id == self.owner)
        return and_(*conditions)

    def covers_work_of(self, user_id: ColumnElement[int | None]) -> ColumnElement[bool]:
        """The condition on what somebody has made: by that person, or by where that person works."""
        if self.departments is None:
            return self.covers(user_id, user_id)  # type: ignore[arg-type]
        people = select(User.__table__.c.id).outerjoin(Placement.__table__)
        within = self.covers(User.__table__.c.id, func.coalesce(Placement.__table__.c.department_id, ROOT))
        return user_id.in_(people.where(within))

    def both(self, other: "Sight") -> "Sight":
        """What this one and the other may see."""
        if self.whole or other.whole:
            return other if self.whole else self
        owners = {self.owner, other.owner} - {None}
        if NOTHING in (self, other) or len(owners) > 1:
            return NOTHING
        departments = self.departments if other.departments is None else other.departments
        if self.departments is not None and other.departments is not None:
            departments = tuple(each for each in self.departments if each in other.departments)
        return Sight(departments=departments, owner=next(iter(owners), None), home=self.home or other.home)


EVERYTHING = Sight(whole=True)
NOTHING = Sight()


@dataclass
class _Viewer:
    """Who looks; what he may see is read once, when it is first needed."""

    user_id: int | None = None
    program_id: int | None = None
    sight: Sight | None = None


_looking: ContextVar[_Viewer | None] = ContextVar("trilend_viewer", default=None)


@contextmanager
def seen_by(user_id: int | None) -> Iterator[None]:
    """Hold the work inside to what this person may see: for jobs that show or do things in somebody's name.

    Without a person (a program, the system) the work sees everything.
    """
    with _as(_Viewer(user_id=user_id) if user_id is not None else _Viewer(sight=EVERYTHING)):
        yield


@contextmanager
def past_scope() -> Iterator[None]:
    """Look at everything inside, whoever asks: to find out that something is taken, never to show it.

    Read single columns only: a row that is loaded as an object stays in the session.
    """
    with _as(_Viewer(sight=EVERYTHING)):
        yield


@contextmanager
def _as(viewer: _Viewer) -> Iterator[None]:
    token = _looking.set(viewer)
    try:
        yield
    finally:
        _looking.reset(token)


def sight_of(session: Session) -> Sight:
    """What the running work may see: as bound by `seen_by`, else as the request's person or program, else everything."""
    viewer = _looking.get() or _viewer_of_request()
    if viewer is None:
        return EVERYTHING
    if viewer.sight is None:
        with session.no_autoflush:
            viewer.sight = _read(session, viewer)
    return viewer.sight


def _viewer_of_request() -> _Viewer | None:
    """The program whose token was recognised with the person for whom it acts, else the person of the cookie.

    Whether or not that person has been loaded yet.
    """
    if not has_request_context():
        return None
    program, person = g.get("api_client"), cookie.get("_user_id")
    if program is None and person is None:
        return None
    wanted = (None, int(person or 0)) if program is None else (program.id, program.person and program.person.id)
    known: _Viewer | None = g.get("trilend_viewer")
    if known is None or (known.program_id, known.user_id) != wanted:
        known = g.trilend_viewer = _Viewer(program_id=wanted[0], user_id=wanted[1])
    return known


def _read(session: Session, viewer: _Viewer) -> Sight:
    if viewer.program_id is None:
        return sight_of_person(session, viewer.user_id or 0)
    sight = _of_program(session, viewer.program_id)
    return sight if viewer.user_id is None else sight.both(sight_of_person(session, viewer.user_id))


def sight_of_person(session: Session, user_id: int) -> Sight:
    """What a person's roles let them see from where they work; nothing for one who has left."""
    rows = session.execute(
        select(Placement.department_id, Department.path, RoleScope.scope)
        .select_from(User)
        .outerjoin(Placement, Placement.user_id == User.id)
        .outerjoin(Department, Department.id == Placement.department_id)
        .outerjoin(assoc_user_role, assoc_user_role.c.user_id == User.id)
        .outerjoin(RoleScope, RoleScope.role_id == assoc_user_role.c.role_id)
        .where(User.id == user_id, User.active),
        execution_options={LOOKING_UP: True},
    ).all()
    if not rows:
        return NOTHING
    widest = max((DataScope(row.scope or DataScope.OWN) for row in rows), key=lambda scope: scope.width)
    department, path = rows[0].department_id or ROOT, rows[0].path or ROOT_PATH
    match widest:
        case DataScope.ALL:
            return EVERYTHING
        case DataScope.SUBTREE:
            return _below(session, path)
        case DataScope.TEAM:
            return Sight(departments=(department,))
    return Sight(owner=user_id)


def _of_program(session: Session, program_id: int) -> Sight:
    path = session.execute(
        select(Department.path)
        .join(ProgramDepartment, ProgramDepartment.department_id == Department.id)
        .where(ProgramDepartment.client_id == program_id),
        execution_options={LOOKING_UP: True},
    ).scalar_one_or_none()
    if path is None:
        return EVERYTHING
    return replace(_below(session, path), home=int(path.strip("/").rpartition("/")[2]))


def _below(session: Session, path: str) -> Sight:
    """What a subtree holds; that of the root is everything."""
    if path == ROOT_PATH:
        return EVERYTHING
    found = session.execute(subtree(path), execution_options={LOOKING_UP: True})
    return Sight(departments=tuple(found.scalars().all()))


def subtree(path: str) -> Select[int]:
    """The ids of a department and of all below it: one range of the index on the path."""
    return select(Department.id).where(Department.path.startswith(path, autoescape=True))
