"""Renders, once, the SQL that makes a tenant's schema: all tables, rules, rights and first rows of one kind."""

from collections import abc
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from itertools import groupby

from sqlalchemy import Executable, LargeBinary, Sequence, Table, create_mock_engine
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.dml import Insert
from sqlalchemy.types import TypeDecorator

from trilend.db.base import TenantBase

ROLE_PLACEHOLDER = "trilend_blueprint_role"
# Owns the gate for SQL written by the tenant and may read what reports may; nobody can take it.
REPORTS_PLACEHOLDER = f"{ROLE_PLACEHOLDER}_reports"
CELL_PLACEHOLDER = "trilend_blueprint_cell"
# Named parameters: with psycopg's own style a literal per cent sign would be doubled.
_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]

_REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$"""

# The text becomes part of one SELECT, run as a cursor: PostgreSQL opens none for two statements or for a change, none
# of a STABLE function writes, and within SECURITY DEFINER no role can be taken. Rows end at `most`, or at 32 MB.
_GATE = f"""
CREATE FUNCTION run_report(query text, parameters jsonb, most integer) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path TO {ROLE_PLACEHOLDER}, pg_temp AS $$
DECLARE
  line text; counted integer := 0; bytes bigint := 0;
BEGIN
  FOR line IN EXECUTE 'SELECT row_to_json(x)::text FROM (' || chr(10) || query || chr(10) || ') AS x' USING parameters
  LOOP
    counted := counted + 1;
    bytes := bytes + octet_length(line);
    EXIT WHEN counted > most OR bytes > 33554432;
    RETURN NEXT line;
  END LOOP;
END $$"""
_GATE_RIGHTS = (
    "REVOKE ALL ON FUNCTION run_report(text, jsonb, integer) FROM PUBLIC, CURRENT_USER",
    f"GRANT EXECUTE ON FUNCTION run_report(text, jsonb, integer) TO {ROLE_PLACEHOLDER}",
    f"GRANT USAGE, CREATE ON SCHEMA {ROLE_PLACEHOLDER} TO {REPORTS_PLACEHOLDER}",
    f"ALTER FUNCTION run_report(text, jsonb, integer) OWNER TO {REPORTS_PLACEHOLDER}",
    f"REVOKE CREATE ON SCHEMA {ROLE_PLACEHOLDER} FROM {REPORTS_PLACEHOLDER}",
)


@dataclass(frozen=True)
class Permissions:
    """The SQL that gives a tenant of an earlier release the permissions of this one; `revision` is a digest of it."""

    sql: str

    @cached_property
    def revision(self) -> str:
        """A digest of what is wanted: equal for two releases with equal views and roles."""
        return sha256(self.sql.encode()).hexdigest()[:10]


@dataclass(frozen=True)
class Blueprint:
    """The SQL of one kind in this release.

    `structure` makes tables, rules and rights, `stamp` says which revision that is, `rows` are what a new company
    begins with; `opening` is for the moment in which a space gets its company; `digest` tells releases apart.
    """

    kind: str
    structure: str
    stamp: str
    rows: str
    opening: str
    permissions: Permissions

    @property
    def sql(self) -> str:
        """All that makes a new space."""
        return f"{self.structure}{self.stamp}{self.rows}"

    @cached_property
    def digest(self) -> str:
        """Equal for equal blueprints."""
        return sha256(self.sql.encode()).hexdigest()[:16]

    def for_role(self, role: str, *, with_rows: bool = True) -> str:
        """The text to replay for a tenant whose role is `role`; without rows for one whose rows are carried in."""
        text = self.sql if with_rows else f"{self.structure}{self.stamp}"
        return text.replace(ROLE_PLACEHOLDER, role)


def render(
    kind: str,
    foreign_tables: Iterable[Table],
    seeds: abc.Sequence[Insert | str],
    *,
    stamp: str,
    opening: str,
    permissions: Permissions,
) -> Blueprint:
    """Render the blueprint of `kind`.

    `foreign_tables` are those of the other kinds, which a tenant of this kind does not get; `seeds` are inserts with
    literal values (or SQL text) in the order in which they are to run; `stamp` and `opening` are SQL as it stands.
    """
    excluded = {table.name for table in foreign_tables}
    tables = [table for table in TenantBase.metadata.sorted_tables if table.name not in excluded]
    return Blueprint(
        kind=kind,
        structure=_text([*_definitions(tables), _REFUSE_CHANGE, *_guards(tables), *_grants(tables), *_reports(tables)]),
        stamp=_text([stamp] if stamp else []),
        rows=_text(_literal(seed) for seed in seeds),
        opening=opening,
        permissions=permissions,
    )


def reports_role(role: str) -> str:
    """The role that owns the gate of the tenant whose role is `role`."""
    return f"{role}_reports"


def _text(statements: Iterable[str]) -> str:
    return "".join(f"{statement.strip()};\n" for statement in statements)


_source: list[Callable[[str], Blueprint]] = []


def use_source(source: Callable[[str], Blueprint]) -> None:
    """Say how blueprints are made; the wiring at the top of the platform knows all views and kinds."""
    _source[:] = [source]
    blueprint_of.cache_clear()


@cache
def blueprint_of(kind: str) -> Blueprint:
    """The blueprint of a kind in this release, rendered once per process."""
    return _source[0](kind)


def _definitions(tables: abc.Sequence[Table]) -> list[str]:
    collected: list[str] = []

    def collect(statement: Executable, *_args: object, **_options: object) -> None:
        collected.append(str(statement.compile(dialect=_DIALECT)))  # type: ignore[attr-defined]

    TenantBase.metadata.create_all(create_mock_engine("postgresql+psycopg://", collect), tables, checkfirst=False)
    return _in_one_order(collected)


def _in_one_order(statements: Iterable[str]) -> list[str]:
    """The same statements with the indexes of each table in the order of their text.

    SQLAlchemy keeps them in a set, whose order differs between processes: spares made by one would be none to another.
    """
    runs = [(indexes, list(run)) for indexes, run in groupby(statements, key=_is_index)]
    return [statement for indexes, run in runs for statement in (sorted(run) if indexes else run)]


def _is_index(statement: str) -> bool:
    return statement.lstrip().startswith(("CREATE INDEX", "CREATE UNIQUE INDEX"))


def _guards(tables: abc.Sequence[Table]) -> list[str]:
    statements = []
    for table in tables:
        if table.info.get("append_only"):
            statements.append(
                f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table.name} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        statements.extend(table.info.get("ddl", ()))
    return statements


def _grants(tables: abc.Sequence[Table]) -> list[str]:
    read_only = [table.name for table in tables if table.info.get("read_only")]
    by_column = {table.name: table.info["insertable"] for table in tables if "insertable" in table.info}
    apart = {*read_only, *by_column}
    append_only = [table.name for table in tables if table.info.get("append_only") and table.name not in apart]
    changeable = [table.name for table in tables if table.name not in {*append_only, *apart}]
    statements = [f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(changeable)} TO {ROLE_PLACEHOLDER}"]
    if read_only:
        statements.append(f"GRANT SELECT ON {', '.join(read_only)} TO {ROLE_PLACEHOLDER}")
    if append_only:
        statements.append(f"GRANT SELECT, INSERT ON {', '.join(append_only)} TO {ROLE_PLACEHOLDER}")
    for name, columns in by_column.items():
        statements.append(f"GRANT SELECT, INSERT ({', '.join(columns)}) ON {name} TO {ROLE_PLACEHOLDER}")
    sequences = [
        column.default.name for table in tables for column in table.columns if isinstance(column.default, Sequence)
    ]
    sequences += [name for table in tables for name in table.info.get("sequences", ())]
    if sequences:
        statements.append(f"GRANT USAGE, SELECT ON SEQUENCE {', '.join(sequences)} TO {ROLE_PLACEHOLDER}")
    return statements


def _reports(tables: abc.Sequence[Table]) -> list[str]:
    """The gate and what it may read: the tables whose model says `info={"reports": True}`, or names columns there."""
    readable = [(table, _readable_columns(table)) for table in tables if table.info.get("reports")]
    whole = [table.name for table, columns in readable if len(columns) == len(table.columns)]
    parts = [f"({', '.join(columns)}) ON {table.name}" for table, columns in readable if table.name not in whole]
    return [
        _GATE,
        *_GATE_RIGHTS,
        *([f"GRANT SELECT ON {', '.join(whole)} TO {REPORTS_PLACEHOLDER}"] if whole else []),
        *(f"GRANT SELECT {part} TO {REPORTS_PLACEHOLDER}" for part in parts),
    ]


def _readable_columns(table: Table) -> list[str]:
    """All columns, or those that are named; never a sealed one, a digest or a blind index."""
    named = table.info["reports"]
    chosen = [column for column in table.columns if named is True or column.name in named]
    return [
        column.name
        for column in chosen
        if not isinstance(column.type.impl if isinstance(column.type, TypeDecorator) else column.type, LargeBinary)
        and not column.name.endswith(("_index", "_digest", "_hash", "password", "token"))
    ]


def _literal(seed: Insert | str) -> str:
    if isinstance(seed, str):
        return seed
    return str(seed.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))
