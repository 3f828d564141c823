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
# To see personal numbers in full is for roles whose work needs it; the administrator gives it, and it is logged.
_ONLY_WHERE_NEEDED = frozenset({("Parties", "can_see_mobile"), ("Parties", "can_see_account")})
_SEQUENCES = (
    "ab_permission_id_seq",
    "ab_view_menu_id_seq",
    "ab_permission_view_id_seq",
    "ab_role_id_seq",
    "ab_permission_view_role_id_seq",
)


def permission_rows(views: Mapping[str, Iterable[str]], roles: Sequence[Role]) -> list[Insert | str]:
    """Inserts for permissions, views, their pairs and the roles; `views` maps a view to its permissions.

    The administrator's role gets everything but the sight of personal numbers in full; raises `LookupError` for a role that grants what does not exist.
    """
    pairs, granted = _wanted(views, roles)
    permission_ids = dict(zip(sorted({permission for _, permission in pairs}), count(1), strict=False))
    view_ids = dict(zip(sorted(views), count(1), strict=False))
    pair_ids = {pair: number for number, pair in enumerate(pairs, start=1)}
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


_CHANGES = """
WITH wanted (view, permission) AS (VALUES {pairs}),
granted (role, view, permission) AS (VALUES {grants}),
new_permission AS (
    INSERT INTO ab_permission (id, name)
    SELECT nextval('ab_permission_id_seq'), name
    FROM (SELECT DISTINCT permission AS name FROM wanted EXCEPT SELECT name FROM ab_permission) AS missing
    RETURNING id, name
),
new_view AS (
    INSERT INTO ab_view_menu (id, name)
    SELECT nextval('ab_view_menu_id_seq'), name
    FROM (SELECT DISTINCT view AS name FROM wanted EXCEPT SELECT name FROM ab_view_menu) AS missing
    RETURNING id, name
),
new_role AS (
    INSERT INTO ab_role (id, name)
    SELECT nextval('ab_role_id_seq'), name
    FROM (SELECT DISTINCT role AS name FROM granted EXCEPT SELECT name FROM ab_role) AS missing
    RETURNING id, name
),
every_permission AS (SELECT id, name FROM ab_permission UNION ALL SELECT id, name FROM new_permission),
every_view AS (SELECT id, name FROM ab_view_menu UNION ALL SELECT id, name FROM new_view),
every_role AS (
    SELECT id, name, false AS is_new FROM ab_role UNION ALL SELECT id, name, true AS is_new FROM new_role
),
wanted_pair AS (
    SELECT wanted.view, wanted.permission, every_view.id AS view_id, every_permission.id AS permission_id, held.id
    FROM wanted
    JOIN every_view ON every_view.name = wanted.view
    JOIN every_permission ON every_permission.name = wanted.permission
    LEFT JOIN ab_permission_view AS held
        ON held.view_menu_id = every_view.id AND held.permission_id = every_permission.id
),
new_pair AS (
    INSERT INTO ab_permission_view (id, permission_id, view_menu_id)
    SELECT nextval('ab_permission_view_id_seq'), permission_id, view_id FROM wanted_pair WHERE id IS NULL
    RETURNING id, permission_id, view_menu_id
),
every_pair AS (
    SELECT wanted_pair.view, wanted_pair.permission, coalesce(wanted_pair.id, new_pair.id) AS id,
        wanted_pair.id IS NULL AS is_new
    FROM wanted_pair
    LEFT JOIN new_pair
        ON new_pair.permission_id = wanted_pair.permission_id AND new_pair.view_menu_id = wanted_pair.view_id
)
INSERT INTO ab_permission_view_role (id, permission_view_id, role_id)
SELECT nextval('ab_permission_view_role_id_seq'), every_pair.id, every_role.id
FROM granted
JOIN every_pair ON every_pair.view = granted.view AND every_pair.permission = granted.permission
JOIN every_role ON every_role.name = granted.role
WHERE every_pair.is_new OR every_role.is_new;
"""


def permission_changes(views: Mapping[str, Iterable[str]], roles: Sequence[Role]) -> str:
    """One statement that adds what a tenant of an earlier release has not got: permissions, views, pairs, roles.

    A default role is granted what is new, and nothing that its tenant may have taken from it.
    """
    pairs, granted = _wanted(views, roles)
    grants = [(role, *pair) for role, held in granted.items() for pair in sorted(held)]
    return _CHANGES.format(pairs=_values(pairs), grants=_values(grants))


def _values(rows: Iterable[Sequence[str]]) -> str:
    return ", ".join("(" + ", ".join("'" + text.replace("'", "''") + "'" for text in row) + ")" for row in rows)


def _wanted(
    views: Mapping[str, Iterable[str]], roles: Sequence[Role]
) -> tuple[list[tuple[str, str]], dict[str, set[tuple[str, str]]]]:
    """All pairs of view and permission, and which of them each default role holds."""
    pairs = sorted((view, permission) for view, permissions in views.items() for permission in set(permissions))
    everything = set(pairs) - _ONLY_WHERE_NEEDED
    return pairs, {ADMINISTRATOR: everything} | {role.name: _pairs_of(role, pairs) for role in roles}


def _pairs_of(role: Role, pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    held: set[tuple[str, str]] = set()
    for view, permissions in role.grants.items():
        for permission in permissions:
            matching = {pair for pair in pairs if pair[0] == view and permission in ("*", pair[1])}
            if not matching:
                raise LookupError(f"role {role.name} grants {permission} on {view}, which does not exist")
            held |= matching
    return held
