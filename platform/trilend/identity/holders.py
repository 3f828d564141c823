"""Who holds a permission: for work that is done outside of anybody's request, and for telling those concerned."""

from collections.abc import Sequence

from flask_appbuilder.security.sqla.models import (
    Permission,
    PermissionView,
    User,
    ViewMenu,
    assoc_permissionview_role,
    assoc_user_role,
)
from sqlalchemy import select
from sqlalchemy.orm import Session, join

from trilend.kinds import Permission as Pair


def people_with(session: Session, pair: Pair, *, but: int | None = None) -> Sequence[int]:
    """User ids of those who may sign in and hold a permission, without one of them who knows already."""
    statement = (
        select(User.id).distinct().select_from(_GRANTED).where(_ACTIVE, _PAIR[0] == pair[0], _PAIR[1] == pair[1])
    )
    return session.scalars(statement.where(User.id != but) if but is not None else statement).all()


def permissions_held(session: Session, user_id: int) -> frozenset[Pair]:
    """All permissions of a person, none of one who may not sign in any more."""
    statement = select(*_PAIR).distinct().select_from(_GRANTED).where(_ACTIVE, User.id == user_id)
    return frozenset((row[0], row[1]) for row in session.execute(statement))


_PAIR = (Permission.name, ViewMenu.name)
_ACTIVE = User.active.is_(True)
_GRANTED = (
    join(User, assoc_user_role, assoc_user_role.c.user_id == User.id)
    .join(assoc_permissionview_role, assoc_permissionview_role.c.role_id == assoc_user_role.c.role_id)
    .join(PermissionView, PermissionView.id == assoc_permissionview_role.c.permission_view_id)
    .join(Permission, Permission.id == PermissionView.permission_id)
    .join(ViewMenu, ViewMenu.id == PermissionView.view_menu_id)
)
