"""Who of some people sees what, by owner and department: for telling those concerned, and nobody else."""

from collections.abc import Collection, Mapping
from itertools import groupby
from typing import TypeVar

from flask_appbuilder.security.sqla.models import User, assoc_user_role
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.organization.models import ROOT, ROOT_PATH, DataScope, Department, Placement, RoleScope
from trilend.organization.sight import LOOKING_UP

Key = TypeVar("Key")


def visible_to(
    session: Session, user_ids: Collection[int], held: Mapping[Key, tuple[int | None, int]]
) -> dict[int, list[Key]]:
    """Of things with an owner and a department those that each of these people sees; two queries for however many.

    People who see none of them are left out.
    """
    path_of = {row.id: row.path for row in session.execute(select(Department.id, Department.path))}
    rows = session.execute(
        select(User.id, Placement.department_id, RoleScope.scope)
        .select_from(User)
        .outerjoin(Placement, Placement.user_id == User.id)
        .outerjoin(assoc_user_role, assoc_user_role.c.user_id == User.id)
        .outerjoin(RoleScope, RoleScope.role_id == assoc_user_role.c.role_id)
        .where(User.id.in_(user_ids), User.active)
        .order_by(User.id),
        execution_options={LOOKING_UP: True},
    )
    found: dict[int, list[Key]] = {}
    for user_id, of_person in groupby(rows, key=lambda row: row.id):
        roles = list(of_person)
        scope = max((DataScope(row.scope or DataScope.OWN) for row in roles), key=lambda each: each.width)
        home = roles[0].department_id or ROOT
        seen = [
            key
            for key, (owner, department) in held.items()
            if _sees(scope, user_id, path_of.get(home, ROOT_PATH), owner, path_of.get(department, ROOT_PATH))
        ]
        if seen:
            found[user_id] = seen
    return found


def _sees(scope: DataScope, user_id: int, home: str, owner: int | None, department: str) -> bool:
    match scope:
        case DataScope.ALL:
            return True
        case DataScope.SUBTREE:
            return department.startswith(home)
        case DataScope.TEAM:
            return department == home
    return owner == user_id
