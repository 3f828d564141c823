"""The SQL that prepares a cluster and a database: fixed roles, cells, and the rights taken from PUBLIC."""

from collections.abc import Iterable

from psycopg import sql

from trilend.db.base import REGISTRY_SCHEMA
from trilend.tenancy.servers import LOGIN, cell_login, cell_password

OWNER, REGISTRY, POOLER = "trilend_owner", "trilend_registry", "trilend_pooler"
GUARD_SCHEMA = "trilend_guard"
CONNECTIONS_PER_CELL = 64

# What holds for every transaction of the application, whatever it forgets (see docs/decisions/walls.md).
_LIMITS = {
    "statement_timeout": "5min",
    "transaction_timeout": "15min",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "60s",
    "temp_file_limit": "2GB",
    "work_mem": "16MB",
}

# Closed by default: of the functions that do something, or tell of the server, PUBLIC keeps these alone. What a later
# PostgreSQL brings is closed until somebody has looked at it (the decisions are in docs/decisions/walls.md).
_KEPT = (
    "clock_timestamp",
    "timeofday",
    "random",
    "random_normal",
    "array_sample",
    "array_shuffle",
    "gen_random_uuid",
    "uuidv4",
    "uuidv7",
    "nextval",
    "currval",
    "lastval",
    "pg_typeof",
    "pg_input_is_valid",
    "pg_backend_pid",
    "pg_current_xact_id",  # lines of the audit log carry it
    "pg_client_encoding",
)

# And these are closed although they only read: what a text run as SQL, other sessions, or rights of others tell.
_CLOSED = (
    "%to\\_xml%",
    "has\\_%\\_privilege",
    "row\\_security\\_active",
    "txid\\_%",
    "inet\\_server\\_%",
    "lo\\_%",
)


def cluster_preparation(
    *, cells: Iterable[int], owner_password: str, login_password: str, pooler_password: str | None = None
) -> str:
    """SQL (idempotent, for a superuser) that makes the fixed roles of a server.

    The owner holds schemas and makes tenant roles. The application's login and those of the cells own nothing,
    inherit nothing and may only SET ROLE; a cell's password derives from the application's. The pooler's login may ask
    for the secrets of these logins, by which it recognises them, and for nothing else; without a password it has none.
    """
    logins = {LOGIN: login_password} | {cell_login(cell): cell_password(login_password, cell) for cell in cells}
    return "\n".join(
        [
            _role(OWNER, "LOGIN CREATEROLE NOINHERIT", owner_password),
            _role(REGISTRY, "NOLOGIN", None),
            _role(POOLER, "LOGIN NOINHERIT CONNECTION LIMIT 8" if pooler_password else "NOLOGIN", pooler_password),
            *(
                _role(name, f"LOGIN NOINHERIT CONNECTION LIMIT {CONNECTIONS_PER_CELL}", password)
                for name, password in logins.items()
            ),
            *(f"ALTER ROLE {name} SET {limit} = '{value}';" for name in logins for limit, value in _LIMITS.items()),
            f"GRANT {REGISTRY} TO {LOGIN} WITH INHERIT FALSE, SET TRUE;",
            # In these nothing is taken from PUBLIC: a login has no business there.
            "REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC;",
        ]
    )


def database_preparation(*, cells: Iterable[int]) -> str:
    """SQL (idempotent, for a superuser) that takes from PUBLIC, in the database it runs in, what a tenant must not have.

    Nothing is left to PUBLIC but plain queries of tables it was given: no catalog, no language to write code in, no
    function that acts. A guard refuses every change of structure by a login of the application, whatever role it has
    taken. What is taken is given to the owner and to monitoring, never more than PUBLIC had.
    """
    logins = ", ".join([LOGIN, *(cell_login(cell) for cell in cells)])
    return f"""
REVOKE ALL ON SCHEMA public FROM PUBLIC;
DO $$ BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO {logins}, {POOLER}', current_database());
  EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO {OWNER}', current_database());
END $$;
REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql, sql TO {OWNER};
DO $$ DECLARE taken text; BEGIN
  FOR taken IN SELECT oid::regprocedure FROM pg_catalog.pg_proc
    WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind = 'f' AND proname <> ALL ({_array(_KEPT)})
      AND (provolatile = 'v' OR starts_with(proname, 'pg_') OR proname LIKE ANY ({_array(_CLOSED)}))
      AND has_function_privilege('{LOGIN}', oid, 'EXECUTE')
  LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', taken);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO {OWNER}, pg_monitor', taken);
  END LOOP;
  FOR taken IN SELECT oid::regclass FROM pg_catalog.pg_class
    WHERE relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
      AND relkind IN ('r', 'v') AND has_any_column_privilege('{LOGIN}', oid, 'SELECT')
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', taken);
    EXECUTE format('GRANT SELECT ON %s TO {OWNER}, pg_monitor', taken);
  END LOOP;
END $$;
REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC;
GRANT USAGE ON SCHEMA information_schema TO {OWNER}, pg_monitor;
CREATE SCHEMA IF NOT EXISTS {GUARD_SCHEMA};
CREATE OR REPLACE FUNCTION {GUARD_SCHEMA}.refuse_structure() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
  IF session_user = '{LOGIN}' OR starts_with(session_user, 'trilend_cell_') THEN
    RAISE EXCEPTION 'logins of the application change no structure' USING ERRCODE = 'insufficient_privilege';
  END IF;
END $$;
CREATE OR REPLACE FUNCTION {GUARD_SCHEMA}.pooler_secret(login text, OUT name text, OUT secret text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path TO pg_catalog, pg_temp AS $$
  SELECT rolname, rolpassword FROM pg_catalog.pg_authid
  WHERE rolname = login AND rolcanlogin AND (rolname = '{LOGIN}' OR starts_with(rolname, 'trilend_cell_'));
$$;
REVOKE ALL ON FUNCTION {GUARD_SCHEMA}.pooler_secret(text) FROM PUBLIC;
GRANT USAGE ON SCHEMA {GUARD_SCHEMA} TO {POOLER};
GRANT EXECUTE ON FUNCTION {GUARD_SCHEMA}.pooler_secret(text) TO {POOLER};
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


def _array(texts: Iterable[str]) -> str:
    quoted = ", ".join(f"'{text}'" for text in texts)
    return f"ARRAY[{quoted}]"
