"""What a schema is made of, as lines that are equal for equal schemas, and the comparison of tenants with a fresh one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import psycopg

from trilend.tenancy.blueprint import blueprint_of
from trilend.tenancy.provisioning import make_space
from trilend.tenancy.servers import PRIMARY, owner_connection
from trilend.tenancy.service import new_id

# Names of the schema and of its role are written as `~`; the order of a table's columns is not compared, since a
# column that was added later stands last.
_LINES = """
WITH space AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_catalog.pg_namespace WHERE nspname = ANY(%(schemas)s)
),
relation AS (
    SELECT class.oid, class.relname, class.relkind, class.relacl, class.relowner, class.relrowsecurity, space.nspname
    FROM pg_catalog.pg_class AS class JOIN space ON space.oid = class.relnamespace
),
line AS (
    SELECT nspname, format('schema owner=%%s rights=%%s', nspowner::regrole, nspacl) AS text FROM space
    UNION ALL
    SELECT nspname, format('%%s %%s owner=%%s rights=%%s rls=%%s', relkind, relname, relowner::regrole,
        (SELECT array_agg(item::text ORDER BY item::text) FROM unnest(relacl) AS item), relrowsecurity)
    FROM relation WHERE relkind IN ('r', 'v', 'm', 'S', 'p')
    UNION ALL
    SELECT nspname, format('column %%s.%%s %%s%%s%%s default=%%s rights=%%s', relname, attname,
        format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' not null' ELSE '' END,
        CASE WHEN attidentity <> '' THEN ' identity=' || attidentity::text ELSE '' END, pg_get_expr(adbin, adrelid),
        attacl)
    FROM relation
    JOIN pg_catalog.pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_catalog.pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relkind IN ('r', 'v', 'm', 'p')
    UNION ALL
    SELECT nspname, format('constraint %%s.%%s %%s valid=%%s', relname, conname, pg_get_constraintdef(constraint_.oid),
        convalidated)
    FROM pg_catalog.pg_constraint AS constraint_ JOIN relation ON relation.oid = conrelid
    UNION ALL
    SELECT nspname, format('index %%s valid=%%s', pg_get_indexdef(indexrelid), indisvalid)
    FROM pg_catalog.pg_index JOIN relation ON relation.oid = indexrelid
    UNION ALL
    SELECT nspname, format('trigger %%s enabled=%%s', pg_get_triggerdef(trigger_.oid), tgenabled)
    FROM pg_catalog.pg_trigger AS trigger_ JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT nspname, format('function %%s owner=%%s rights=%%s %%s', pg_get_functiondef(proc.oid), proowner::regrole,
        proacl, prosecdef)
    FROM pg_catalog.pg_proc AS proc JOIN space ON space.oid = pronamespace WHERE prokind IN ('f', 'p')
    UNION ALL
    SELECT nspname, format('type %%s', typname)
    FROM pg_catalog.pg_type AS type_ JOIN space ON space.oid = typnamespace WHERE typtype IN ('e', 'd')
    UNION ALL
    SELECT nspname, format('policy %%s', polname)
    FROM pg_catalog.pg_policy JOIN relation ON relation.oid = polrelid
)
"""
_EACH = _LINES + "SELECT nspname, replace(text, nspname, '~') FROM line ORDER BY 1, 2"
_DIGESTS = (
    _LINES
    + """
SELECT nspname, encode(sha256(string_agg(replace(text, nspname, '~'), chr(10)
    ORDER BY replace(text, nspname, '~') COLLATE "C")::bytea), 'hex')
FROM line GROUP BY nspname
"""
)


@dataclass(frozen=True)
class Difference:
    """What a schema has too much and too little, measured by a fresh one of its kind."""

    missing: Sequence[str]
    surplus: Sequence[str]

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.missing or self.surplus)

    def __str__(self) -> str:
        """In one line, for a list of tenants."""
        parts = [f"missing: {line}" for line in self.missing] + [f"not expected: {line}" for line in self.surplus]
        return "; ".join(" ".join(part.split()) for part in parts)


def lines_of(connection: psycopg.Connection[tuple[object, ...]], schema: str) -> Sequence[str]:
    """What a schema is made of, one line for each thing, in a fixed order."""
    _without_path(connection)
    rows = connection.execute(_EACH, {"schemas": [schema]}).fetchall()
    return sorted(str(text) for _, text in rows)


def digests(connection: psycopg.Connection[tuple[object, ...]], schemas: Sequence[str]) -> Mapping[str, str]:
    """The fingerprints of many schemas in one query; one that is not there has none."""
    _without_path(connection)
    rows = connection.execute(_DIGESTS, {"schemas": list(schemas)}).fetchall()
    return {str(schema): str(digest) for schema, digest in rows}


def fresh_lines(kind: str, shard: str = PRIMARY) -> Sequence[str]:
    """What a new tenant of this kind would be made of: made by the blueprint, looked at, and rolled back."""
    schema = f"t_{new_id()}"
    with owner_connection(shard) as owner:
        make_space(owner, schema, 0, blueprint_of(kind))
        lines = lines_of(owner, schema)
        owner.rollback()
    return lines


def fingerprint(lines: Sequence[str]) -> str:
    """The digest of a schema's lines, equal to the one that `digests` has the server compute."""
    return sha256("\n".join(lines).encode()).hexdigest()


def compare(connection: psycopg.Connection[tuple[object, ...]], schema: str, fresh: Sequence[str]) -> Difference:
    """How a schema differs from a fresh one."""
    found, expected = set(lines_of(connection, schema)), set(fresh)
    return Difference(missing=sorted(expected - found), surplus=sorted(found - expected))


def _without_path(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """With an empty search path every name is written with its schema, whoever asks."""
    connection.execute("SELECT set_config('search_path', '', true)")
