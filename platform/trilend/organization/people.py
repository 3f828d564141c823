"""Where people work: who is in a department, and moving somebody with or without the customers."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import User
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session, selectinload

from trilend.audit.service import Actor, record
from trilend.errors import Invalid, NotFound
from trilend.organization.departments import department, department_name
from trilend.organization.models import ROOT, Department, Placement
from trilend.organization.scope import owned_models
from trilend.organization.sight import past_scope, sight_of


@dataclass(frozen=True)
class Member:
    """A person of the company with department, position, and how many customers he or she looks after."""

    user: User
    department_id: int
    position: str
    holdings: int

    @property
    def name(self) -> str:
        """The full name."""
        return name_of_person(self.user)


def name_of_person(user: User) -> str:
    """The full name."""
    return f"{user.first_name} {user.last_name}".strip()


def members(session: Session, department_id: int) -> Sequence[Member]:
    """The people of a department, those who may sign in first, by name."""
    return _members(session, func.coalesce(Placement.department_id, ROOT) == department_id)


def member(session: Session, user_id: int) -> Member:
    """One person; raises `NotFound`."""
    found = _members(session, User.id == user_id)
    if not found:
        raise NotFound(_l("This person does not exist."), id=user_id)
    return found[0]


def active_people(session: Session, *, but: int = 0) -> Sequence[User]:
    """Those who may sign in, by name: who can take over work."""
    return session.scalars(select(User).where(User.active, User.id != but).order_by(User.first_name, User.id)).all()


def home_of(session: Session, actor: Actor) -> int:
    """The department to which belongs what an actor makes: the person's, that of a program that is held to one, or the root."""
    if actor.user_id is None:
        return sight_of(session).home or ROOT
    return department_of(session, actor.user_id)


def department_of(session: Session, user_id: int | None) -> int:
    """Where a person works; the root for who has no place, and for programs and the system."""
    if user_id is None:
        return ROOT
    return session.scalar(select(Placement.department_id).where(Placement.user_id == user_id)) or ROOT


def place_person(session: Session, actor: Actor, user_id: int, *, department_id: int, position: str) -> None:
    """Put a person into a department; the customers go along, for their department is that of who looks after them.

    To leave them behind, hand them over to a colleague first.
    """
    subject, into = member(session, user_id), department(session, department_id)
    position = " ".join(position.split())
    if len(position) > 60:
        raise Invalid(_l("A position has at most 60 characters."), field="position")
    former = session.get_one(Department, subject.department_id)
    values = {"department_id": into.id, "position": position}
    session.execute(
        upsert(Placement)
        .values(user_id=user_id, **values)
        .on_conflict_do_update(index_elements=["user_id"], set_=values)
    )
    with past_scope():
        for model in owned_models():
            theirs = update(model).where(model.owner_id == user_id, model.department_id != into.id)
            session.execute(theirs.values(department_id=into.id))
    before = {"department": department_name(former), "position": subject.position}
    after = {"department": department_name(into), "position": position}
    changes = {field: [before[field], after[field]] for field in before if before[field] != after[field]}
    if changes:
        record(session, actor, "person.placed", "person", user_id, changes=changes, name=subject.user.username)


def holdings_of(session: Session, user_id: int) -> int:
    """How many customers (or whatever people own) somebody looks after, whoever asks: none may be left behind."""
    with past_scope():
        return sum(
            session.scalar(select(func.count()).select_from(model).where(model.owner_id == user_id)) or 0
            for model in owned_models()
        )


def _members(session: Session, wanted: object) -> Sequence[Member]:
    rows = session.execute(
        select(User, func.coalesce(Placement.department_id, ROOT), func.coalesce(Placement.position, ""))
        .outerjoin(Placement, Placement.user_id == User.id)
        .options(selectinload(User.roles))
        .where(wanted)  # type: ignore[arg-type]
        .order_by(User.active.desc(), User.first_name, User.id)
    ).all()
    owners = [user.id for user, _department, _position in rows]
    holdings: dict[int, int] = {}
    for model in owned_models():
        counted = select(model.owner_id, func.count()).where(model.owner_id.in_(owners)).group_by(model.owner_id)
        for owner, count in session.execute(counted):
            holdings[owner or 0] = holdings.get(owner or 0, 0) + count
    return [Member(user, place, position, holdings.get(user.id, 0)) for user, place, position in rows]
