"""Who may do what, as a person reads it: acts grouped by area, a column for each role, and what is kept apart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from flask_appbuilder.security.sqla.models import PermissionView, Role, User, assoc_permissionview_role
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from trilend.audit.service import Actor, record
from trilend.errors import Invalid, NotFound
from trilend.identity.duties import held_together, permissions_of_roles, rules
from trilend.identity.labels import ACTS, SUBJECTS, role_label
from trilend.identity.seeds import ADMINISTRATOR
from trilend.kinds import SeparatedDuties
from trilend.organization.errors import ScopeRefused
from trilend.organization.labels import scope_label
from trilend.organization.models import DataScope, RoleScope

# What everybody holds or no page asks for tells nothing about who may do what.
_LEFT_OUT = frozenset({"MenuApi", "MyPassword"})


@dataclass(frozen=True)
class Column:
    """A role: its name for people, how far it sees, how many people hold it."""

    id: int
    name: str
    scope: DataScope
    people: int
    is_administrator: bool


@dataclass(frozen=True)
class Line:
    """An act, and the ids of the roles that may do it."""

    act: str
    roles: frozenset[int]


@dataclass(frozen=True)
class Apart:
    """Two acts that are kept apart: in words, and who holds both."""

    rule: SeparatedDuties
    first: str
    second: str
    holders: Sequence[str]


@dataclass(frozen=True)
class Matrix:
    """All of it, by area."""

    columns: Sequence[Column]
    areas: Mapping[str, Sequence[Line]]
    apart: Sequence[Apart]


def matrix(session: Session) -> Matrix:
    """Read the whole matrix in a handful of queries."""
    people = session.scalars(
        select(User)
        .where(User.active)
        .options(selectinload(User.roles).selectinload(Role.permissions))
        .order_by(User.first_name)
    ).all()
    return Matrix(_columns(session, people), _areas(session), [_apart(rule, people) for rule in rules()])


def set_scope(session: Session, actor: Actor, role_id: int, scope: str) -> None:
    """Say how far a role sees; it holds from the next page on. Raises `NotFound`, `Invalid`, `ScopeRefused`."""
    role = session.get(Role, role_id)
    if role is None:
        raise NotFound(_l("This role does not exist."), id=role_id)
    if scope not in list(DataScope):
        raise Invalid(_l("Choose how far the role sees."), field="scope")
    if role.name == ADMINISTRATOR:
        raise ScopeRefused(_l("The administrator sees the whole company."))
    held = session.get(RoleScope, role_id)
    former = held.scope if held else DataScope.OWN
    if former == scope:
        return
    if held is None:
        held = RoleScope(role_id=role_id)
        session.add(held)
    held.scope = DataScope(scope)
    record(session, actor, "role.scope_set", "role", role_id, changes={"scope": [str(former), scope]}, name=role.name)


def _columns(session: Session, people: Sequence[User]) -> list[Column]:
    rows = session.execute(
        select(Role, RoleScope.scope).outerjoin(RoleScope, RoleScope.role_id == Role.id).order_by(Role.id)
    )
    return [
        Column(
            role.id,
            role_label(role.name),
            DataScope(scope or DataScope.OWN),
            sum(role.id in {held.id for held in person.roles} for person in people),
            role.name == ADMINISTRATOR,
        )
        for role, scope in rows
    ]


def _areas(session: Session) -> dict[str, Sequence[Line]]:
    grants: dict[int, set[int]] = {}
    for pair, role in session.execute(
        select(assoc_permissionview_role.c.permission_view_id, assoc_permissionview_role.c.role_id)
    ):
        grants.setdefault(pair, set()).add(role)
    found: dict[str, list[Line]] = {}
    pairs = session.scalars(
        select(PermissionView).options(joinedload(PermissionView.permission), joinedload(PermissionView.view_menu))
    )
    for pair in pairs:
        view, permission = pair.view_menu.name, pair.permission.name
        if view not in _LEFT_OUT and view in SUBJECTS:
            line = Line(str(ACTS.get(permission, permission)), frozenset(grants.get(pair.id, ())))
            found.setdefault(str(SUBJECTS[view]), []).append(line)
    return {area: sorted(found[area], key=lambda line: line.act) for area in sorted(found)}


def _apart(rule: SeparatedDuties, people: Sequence[User]) -> Apart:
    holders = [
        f"{person.first_name} {person.last_name}".strip()
        for person in people
        if rule in held_together(permissions_of_roles(person.roles))
    ]
    return Apart(rule, _words(rule.first), _words(rule.second), holders)


def _words(permission: tuple[str, str]) -> str:
    act, view = permission
    return f"{SUBJECTS.get(view, view)}: {ACTS.get(act, act)}"


SCOPES = tuple((scope, scope_label(scope)) for scope in DataScope)
"""How far a role may see, with words."""
