"""The fixed roles of a server as lines: what they may, who may take them, and that logins own nothing."""

from collections.abc import Iterable, Sequence

import psycopg

from trilend.tenancy.rights import OWNER, REGISTRY
from trilend.tenancy.servers import LOGIN, cell_login

_FOUND = """
WITH fixed AS (
    SELECT * FROM pg_catalog.pg_roles
    WHERE rolname IN (%(owner)s, %(registry)s, %(login)s) OR starts_with(rolname, %(cell)s)
)
SELECT format('fixed role %%s login=%%s inherit=%%s super=%%s createrole=%%s createdb=%%s replication=%%s bypassrls=%%s',
    rolname, rolcanlogin, rolinherit, rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls)
FROM fixed
UNION ALL
-- Roles of companies are lines of their schemas.
SELECT format('fixed role %%s may take %%s admin=%%s inherit=%%s', fixed.rolname, taken.rolname, admin_option,
    inherit_option)
FROM fixed
JOIN pg_catalog.pg_auth_members AS membership ON membership.member = fixed.oid
JOIN pg_catalog.pg_roles AS taken ON taken.oid = membership.roleid
WHERE fixed.rolname <> %(owner)s AND NOT starts_with(taken.rolname, 't_')
UNION ALL
SELECT format('%%s may take %%s', taking.rolname, fixed.rolname)
FROM fixed
JOIN pg_catalog.pg_auth_members AS membership ON membership.roleid = fixed.oid
JOIN pg_catalog.pg_roles AS taking ON taking.oid = membership.member
WHERE taking.rolname NOT IN (SELECT rolname FROM fixed)
UNION ALL
SELECT format('fixed role %%s owns %%s', fixed.rolname, class.oid::regclass)
FROM fixed JOIN pg_catalog.pg_class AS class ON class.relowner = fixed.oid WHERE fixed.rolname <> %(owner)s
"""


def role_lines(connection: psycopg.Connection[tuple[object, ...]]) -> Sequence[str]:
    """What the fixed roles of the connection's server are."""
    cell = cell_login(0).rstrip("0")
    names = {"owner": OWNER, "registry": REGISTRY, "login": LOGIN, "cell": cell}
    return [str(line) for (line,) in connection.execute(_FOUND, names).fetchall()]


def expected_role_lines(cells: Iterable[int]) -> Sequence[str]:
    """What they are after `trilend prepare`; limits are not compared, which an operator may set."""
    return [
        _role(OWNER, login=True, inherit=False, creates_roles=True),
        _role(REGISTRY, login=False, inherit=True),
        *(_role(name, login=True, inherit=False) for name in [LOGIN, *map(cell_login, cells)]),
        f"fixed role {LOGIN} may take {REGISTRY} admin=f inherit=f",
    ]


def _role(name: str, *, login: bool, inherit: bool, creates_roles: bool = False) -> str:
    given = [f"{what}={'t' if has else 'f'}" for what, has in (("login", login), ("inherit", inherit))]
    makes = "t" if creates_roles else "f"
    return f"fixed role {name} {' '.join(given)} super=f createrole={makes} createdb=f replication=f bypassrls=f"
