"""The SQL that prepares a cluster and a database: fixed roles, cells, and the rights taken from PUBLIC."""

from collections.abc import Iterable

from psycopg import sql

from trilend.db.base import REGISTRY_SCHEMA
from trilend.tenancy.servers import LOGIN, cell_login, cell_password

OWNER, REGISTRY = "trilend_owner", "trilend_registry"
GUARD_SCHEMA = "trilend_guard"
CONNECTIONS_PER_CELL = 64

# What holds for every transaction of the application, whatever it forgets (see docs/decisions/walls.md).
_LIMITS = {
    "statement_timeout": "5min",
    "transaction_timeout": "15min",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
}

# Functions by which a plain SELECT could change its role or settings, run a text as SQL, reach files, large objects or
# other sessions, hold a lock or a backend, or read what the server counts of other tenants' tables.
_FUNCTIONS = (
    "set_config",
    "lo\\_%",
    "loread",
    "lowrite",
    "pg\\_read\\_%",
    "pg\\_ls\\_%",
    "pg\\_stat\\_%",
    "pg\\_advisory\\_%",
    "pg\\_try\\_advisory\\_%",
    "pg\\_notify",
    "pg\\_sleep%",
    "pg\\_cancel\\_backend",
    "pg\\_terminate\\_backend",
    "pg\\_logical\\_%",
    "pg\\_export\\_snapshot",
    "pg\\_%\\_size",
    "pg\\_lock\\_status",
    "pg\\_blocking\\_pids",
    "pg\\_get\\_backend\\_memory\\_contexts",
    "%to\\_xml%",
)

# Catalogs and views that name other tenants or tell how much they have. Name look-ups of the server need none of them.
_RELATIONS = (
    "pg\\_stat%",
    "pg\\_roles",
    "pg\\_user",
    "pg\\_group",
    "pg\\_user\\_mappings",
    "pg\\_auth\\_members",
    "pg\\_db\\_role\\_setting",
    "pg\\_shdepend",
    "pg\\_locks",
    "pg\\_prepared\\_xacts",
    "pg\\_class",
    "pg\\_attribute",
    "pg\\_namespace",
    "pg\\_tables",
    "pg\\_views",
    "pg\\_indexes",
    "pg\\_index",
    "pg\\_sequence%",
    "pg\\_constraint",
    "pg\\_proc",
    "pg\\_trigger",
    "pg\\_default\\_acl",
    "pg\\_init\\_privs",
    "pg\\_depend",
    "pg\\_description",
)


def cluster_preparation(*, cells: Iterable[int], owner_password: str, login_password: str) -> str:
    """SQL (idempotent, for a superuser) that makes the fixed roles of a server.

    The owner holds schemas and makes tenant roles. The application's login and those of the cells own nothing,
    inherit nothing and may only SET ROLE; a cell's password derives from the application's.
    """
    logins = {LOGIN: login_password} | {cell_login(cell): cell_password(login_password, cell) for cell in cells}
    return "\n".join(
        [
            _role(OWNER, "LOGIN CREATEROLE NOINHERIT", owner_password),
            _role(REGISTRY, "NOLOGIN", None),
            *(
                _role(name, f"LOGIN NOINHERIT CONNECTION LIMIT {CONNECTIONS_PER_CELL}", password)
                for name, password in logins.items()
            ),
            *(f"ALTER ROLE {name} SET {limit} = '{value}';" for name in logins for limit, value in _LIMITS.items()),
            f"GRANT {REGISTRY} TO {LOGIN} WITH INHERIT FALSE, SET TRUE;",
        ]
    )


def database_preparation(*, cells: Iterable[int]) -> str:
    """SQL (idempotent, for a superuser) that takes from PUBLIC, in the database it runs in, what a tenant must not have.

    Nothing is left to PUBLIC but plain queries; a guard refuses every change of structure by a login of the
    application, whatever role it has taken.
    """
    logins = ", ".join([LOGIN, *(cell_login(cell) for cell in cells)])
    return f"""
REVOKE ALL ON SCHEMA public FROM PUBLIC;
DO $$ BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO {logins}', current_database());
  EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO {OWNER}', current_database());
END $$;
DO $$ DECLARE taken text; BEGIN
  FOR taken IN SELECT oid::regprocedure FROM pg_catalog.pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND {_named("proname", _FUNCTIONS)}
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', taken);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {OWNER}, pg_monitor', taken);
  END LOOP;
  FOR taken IN SELECT oid::regclass FROM pg_catalog.pg_class
    WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind IN ('r', 'v') AND {_named("relname", _RELATIONS)}
      AND has_table_privilege('{LOGIN}', oid, 'SELECT')
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', taken);
    EXECUTE format('GRANT SELECT ON %s TO {OWNER}, pg_monitor', taken);
  END LOOP;
END $$;
CREATE SCHEMA IF NOT EXISTS {GUARD_SCHEMA};
CREATE OR REPLACE FUNCTION {GUARD_SCHEMA}.refuse_structure() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF session_user = '{LOGIN}' OR starts_with(session_user, 'trilend_cell_') THEN
    RAISE EXCEPTION 'logins of the application change no structure' USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
DROP EVENT TRIGGER IF EXISTS trilend_refuse_structure;
CREATE EVENT TRIGGER trilend_refuse_structure ON ddl_command_start EXECUTE FUNCTION {GUARD_SCHEMA}.refuse_structure();
"""


def registry_rights(tables: Iterable[str], append_only: Iterable[str] = ()) -> str:
    """SQL (idempotent, for the owner) by which the registry's role may work with the registry's tables.

    To those that are append-only it may only add.
    """
    added_to = list(append_only)
    changeable = [table for table in tables if table not in added_to]
    rights = [
        f"GRANT USAGE ON SCHEMA {REGISTRY_SCHEMA} TO {REGISTRY};",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(changeable)} TO {REGISTRY};",
    ]
    if added_to:
        rights.append(f"GRANT SELECT, INSERT ON {', '.join(added_to)} TO {REGISTRY};")
    return "".join(rights)


def _role(name: str, options: str, password: str | None) -> str:
    secret = f" PASSWORD {sql.Literal(password).as_string()}" if password is not None else ""
    return (
        f"DO $$ BEGIN CREATE ROLE {name}; EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n"
        f"ALTER ROLE {name} {options}{secret};"
    )


def _named(column: str, patterns: Iterable[str]) -> str:
    quoted = ", ".join(f"'{pattern}'" for pattern in patterns)
    return f"{column} LIKE ANY (ARRAY[{quoted}])"
