"""Changes the tree of departments: one change at a time, each logged, and none that loses people or work."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.errors import Invalid, NotFound
from trilend.organization.errors import DepartmentNameTaken, DepartmentRefused
from trilend.organization.models import ROOT, Department, Placement, ProgramDepartment
from trilend.organization.scope import owned_models
from trilend.organization.sight import past_scope
from trilend.tenancy.context import current_tenant

MOST_LEVELS = 12
SUBJECT = "department"


@dataclass(frozen=True)
class Branch:
    """A department as the tree shows it: `level` from the root (0), people and customers of its own and of the whole branch."""

    department: Department
    name: str
    level: int
    people: int
    holdings: int
    people_below: int
    has_children: bool


def department_name(found: Department) -> str:
    """What a department is called; the root is the company."""
    return current_tenant().name if found.id == ROOT else found.name


def department(session: Session, department_id: int, *, lock: bool = False) -> Department:
    """One open department; raises `NotFound`."""
    found = session.get(Department, department_id, with_for_update=lock)
    if found is None or found.closed_at is not None:
        raise NotFound(_l("This department does not exist."), id=department_id)
    return found


def open_departments(session: Session) -> Sequence[Department]:
    """All open departments, those below a department after it."""
    found = session.scalars(select(Department).where(Department.closed_at.is_(None))).all()
    by_id = {each.id: each for each in found}

    def place(each: Department) -> list[tuple[str, int]]:
        steps = [int(step) for step in each.path.strip("/").split("/")]
        return [(by_id[step].name if step in by_id else "", step) for step in steps]

    return sorted(found, key=place)


def tree(session: Session) -> Sequence[Branch]:
    """The whole tree with its people and what they look after, in three queries however large it is."""
    found = open_departments(session)
    department_of = func.coalesce(Placement.department_id, ROOT)
    counted = (
        select(department_of, func.count())
        .select_from(User)
        .outerjoin(Placement, Placement.user_id == User.id)
        .where(User.active)
        .group_by(department_of)
    )
    people = dict(session.execute(counted).all())
    holdings = _holdings(session)
    parents = {each.parent_id for each in found}
    return [
        Branch(
            department=each,
            name=department_name(each),
            level=each.path.count("/") - 2,
            people=people.get(each.id, 0),
            holdings=holdings.get(each.id, 0),
            people_below=sum(people.get(other.id, 0) for other in found if other.path.startswith(each.path)),
            has_children=each.id in parents,
        )
        for each in found
    ]


def add_department(session: Session, actor: Actor, *, name: str, parent_id: int) -> Department:
    """Add a department below another; raises `Invalid`, `DepartmentNameTaken`, `DepartmentRefused`."""
    _one_at_a_time(session)
    parent = department(session, parent_id)
    added = Department(name=_checked_name(session, name, parent.id), parent_id=parent.id, path="")
    _check_depth(parent.path)
    session.add(added)
    session.flush()
    added.path = f"{parent.path}{added.id}/"
    record(session, actor, "department.added", SUBJECT, added.id, name=added.name, parent=department_name(parent))
    return added


def rename_department(session: Session, actor: Actor, department_id: int, name: str) -> Department:
    """Give a department another name; the root is called as the company is."""
    _one_at_a_time(session)
    subject = _movable(session, department_id)
    former = subject.name
    subject.name = _checked_name(session, name, subject.parent_id or ROOT, but=subject.id)
    record(
        session, actor, "department.renamed", SUBJECT, subject.id, changes={"name": [former, subject.name]}, name=former
    )
    return subject


def move_department(session: Session, actor: Actor, department_id: int, parent_id: int) -> Department:
    """Put a department, with all below it, under another one."""
    _one_at_a_time(session)
    subject, parent = _movable(session, department_id), department(session, parent_id)
    if parent.path.startswith(subject.path):
        raise DepartmentRefused(_l("A department cannot be put below itself. Choose one outside of it."))
    _checked_name(session, subject.name, parent.id, but=subject.id)
    former = session.get_one(Department, subject.parent_id)
    _put_below(session, subject, parent)
    changes = {"parent": [department_name(former), department_name(parent)]}
    record(session, actor, "department.moved", SUBJECT, subject.id, changes=changes, name=subject.name)
    return subject


def merge_department(session: Session, actor: Actor, department_id: int, into_id: int) -> Department:
    """Join a department to another one, which gets its people, their work and the departments below it."""
    _one_at_a_time(session)
    subject, into = _movable(session, department_id), department(session, into_id)
    if into.path.startswith(subject.path):
        raise DepartmentRefused(_l("A department cannot be joined to itself or to one below it."))
    for child in session.scalars(
        select(Department).where(Department.parent_id == subject.id, Department.closed_at.is_(None))
    ).all():
        _checked_name(session, child.name, into.id)
        _put_below(session, child, into)
    _hand_over_all(session, subject, into)
    _close(session, actor, "department.merged", subject, into)
    return into


def close_department(session: Session, actor: Actor, department_id: int, into_id: int) -> Department:
    """Close a department that has none below it; its people and their work go to another one."""
    _one_at_a_time(session)
    subject, into = _movable(session, department_id), department(session, into_id)
    if into.id == subject.id:
        raise DepartmentRefused(_l("Choose another department that takes over the people and their work."))
    below = select(func.count()).where(Department.parent_id == subject.id, Department.closed_at.is_(None))
    if session.scalar(below):
        raise DepartmentRefused(_l("There are departments below this one. Move, merge or close them first."))
    _hand_over_all(session, subject, into)
    _close(session, actor, "department.closed", subject, into)
    return into


def _close(session: Session, actor: Actor, act: str, subject: Department, into: Department) -> None:
    subject.closed_at, subject.closed_into = now(), into.id
    record(session, actor, act, SUBJECT, subject.id, name=subject.name, into=department_name(into))


def _hand_over_all(session: Session, subject: Department, into: Department) -> None:
    """People, programs and what the department holds, in one statement each."""
    session.flush()
    for model in (Placement, ProgramDepartment):
        session.execute(update(model).where(model.department_id == subject.id).values(department_id=into.id))
    with past_scope():
        for owned in owned_models():
            session.execute(update(owned).where(owned.department_id == subject.id).values(department_id=into.id))


def _put_below(session: Session, subject: Department, parent: Department) -> None:
    former, path = subject.path, f"{parent.path}{subject.id}/"
    levels = session.scalar(
        select(func.max(func.length(Department.path) - func.length(func.replace(Department.path, "/", "")))).where(
            Department.path.startswith(former, autoescape=True)
        )
    )
    _check_depth(parent.path, levels=(levels or 0) - former.count("/") + 1)
    subject.parent_id = parent.id
    session.flush()
    session.execute(
        update(Department)
        .where(Department.path.startswith(former, autoescape=True))
        .values(path=func.concat(path, func.substr(Department.path, len(former) + 1)))
    )
    session.expire(subject)


def _movable(session: Session, department_id: int) -> Department:
    if department_id == ROOT:
        raise DepartmentRefused(
            _l("This is the company itself: it is neither renamed nor moved, merged or closed here.")
        )
    return department(session, department_id)


def _one_at_a_time(session: Session) -> None:
    """Two changes of the tree at the same time could make a circle: the root's row is held until the end."""
    session.execute(select(Department.id).where(Department.id == ROOT).with_for_update())


def _checked_name(session: Session, name: str, parent_id: int, *, but: int = 0) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 100:
        raise Invalid(_l("Enter a name of at most 100 characters."), field="name")
    taken = select(Department.id).where(
        Department.parent_id == parent_id,
        Department.name == name,
        Department.closed_at.is_(None),
        Department.id != but,
    )
    if session.scalar(taken) is not None:
        raise DepartmentNameTaken(name)
    return name


def _check_depth(parent_path: str, *, levels: int = 1) -> None:
    if parent_path.count("/") - 1 + levels > MOST_LEVELS:
        raise DepartmentRefused(_l("A tree has at most %(most)d levels.", most=MOST_LEVELS))


def _holdings(session: Session) -> dict[int, int]:
    """How many customers (or whatever people own) each department holds."""
    found: dict[int, int] = {}
    for model in owned_models():
        counted = select(model.department_id, func.count()).group_by(model.department_id)
        for department_id, count in session.execute(counted):
            found[department_id] = found.get(department_id, 0) + count
    return found
