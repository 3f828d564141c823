"""The first rows of a tenant's FAB tables: permissions of all views it has, and its default roles."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import count

from flask_appbuilder.security.sqla.models import (
    Permission,
    PermissionView,
    ViewMenu,
    assoc_permissionview_role,
)
from flask_appbuilder.security.sqla.models import (
    Role as RoleRow,
)
from sqlalchemy import insert
from sqlalchemy.sql.dml import Insert

from trilend.kinds import Role

ADMINISTRATOR = "Admin"
_SEQUENCES = (
    "ab_permission_id_seq",
    "ab_view_menu_id_seq",
    "ab_permission_view_id_seq",
    "ab_role_id_seq",
    "ab_permission_view_role_id_seq",
)


def permission_rows(views: Mapping[str, Iterable[str]], roles: Sequence[Role]) -> list[Insert | str]:
    """Inserts for permissions, views, their pairs and the roles; `views` maps a view to its permissions.

    The administrator's role gets everything; raises `LookupError` for a role that grants what does not exist.
    """
    pairs = sorted((view, permission) for view, permissions in views.items() for permission in set(permissions))
    permission_ids = dict(zip(sorted({permission for _, permission in pairs}), count(1), strict=False))
    view_ids = dict(zip(sorted(views), count(1), strict=False))
    pair_ids = {pair: number for number, pair in enumerate(pairs, start=1)}
    granted = {ADMINISTRATOR: set(pairs)} | {role.name: _pairs_of(role, pairs) for role in roles}
    role_ids = dict(zip(granted, count(1), strict=False))
    grants = [(pair_ids[pair], role_ids[role]) for role, held in granted.items() for pair in sorted(held)]
    return [
        insert(Permission).values([{"id": number, "name": name} for name, number in permission_ids.items()]),
        insert(ViewMenu).values([{"id": number, "name": name} for name, number in view_ids.items()]),
        insert(PermissionView).values(
            [
                {"id": number, "permission_id": permission_ids[permission], "view_menu_id": view_ids[view]}
                for (view, permission), number in pair_ids.items()
            ]
        ),
        insert(RoleRow).values([{"id": number, "name": name} for name, number in role_ids.items()]),
        insert(assoc_permissionview_role).values(
            [
                {"id": number, "permission_view_id": pair, "role_id": role}
                for number, (pair, role) in enumerate(grants, start=1)
            ]
        ),
        *(f"SELECT setval('{sequence}', 100000)" for sequence in _SEQUENCES),
    ]


def _pairs_of(role: Role, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    held: set[tuple[str, str]] = set()
    for view, permissions in role.grants.items():
        for permission in permissions:
            matching = {pair for pair in pairs if pair[0] == view and permission in ("*", pair[1])}
            if not matching:
                raise LookupError(f"role {role.name} grants {permission} on {view}, which does not exist")
            held |= matching
    return held
