"""What a schema is made of, as lines that are equal for equal schemas, and the comparison of tenants with a fresh one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

import psycopg

from trilend.tenancy.blueprint import blueprint_of
from trilend.tenancy.migration.lines import DIGESTS, EACH
from trilend.tenancy.provisioning import make_space
from trilend.tenancy.servers import PRIMARY, cell_login, owner_connection
from trilend.tenancy.service import new_id

Connection = psycopg.Connection[tuple[object, ...]]


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


def lines_of(connection: Connection, schema: str, cell: int) -> Sequence[str]:
    """What a schema and its role are made of, one line for each thing, in a fixed order; none if it is not there."""
    _prepare(connection)
    rows = connection.execute(EACH, {"schemas": [schema], "logins": [cell_login(cell)]}).fetchall()
    return sorted(str(text) for (text,) in rows)


def digests(connection: Connection, spaces: Sequence[tuple[str, int]]) -> Mapping[str, str]:
    """The fingerprints of many schemas (each with its cell) in one query; one that is not there has none."""
    _prepare(connection)
    asked = {"schemas": [schema for schema, _ in spaces], "logins": [cell_login(cell) for _, cell in spaces]}
    return {str(schema): str(digest) for schema, digest in connection.execute(DIGESTS, asked).fetchall()}


def fresh_lines(kind: str, shard: str = PRIMARY) -> Sequence[str]:
    """What a new tenant of this kind would be made of: made by the blueprint, looked at, and rolled back."""
    schema = f"t_{new_id()}"
    with owner_connection(shard) as owner:
        make_space(owner, schema, 0, blueprint_of(kind))
        lines = lines_of(owner, schema, 0)
        owner.rollback()
    return lines


def fingerprint(lines: Sequence[str]) -> str:
    """The digest of a schema's lines, equal to the one that `digests` has the server compute."""
    return sha256("\n".join(lines).encode()).hexdigest()


def compare(connection: Connection, schema: str, cell: int, fresh: Sequence[str]) -> Difference:
    """How a schema differs from a fresh one."""
    return difference(schema, lines_of(connection, schema, cell), fresh)


def difference(schema: str, lines: Sequence[str], fresh: Sequence[str]) -> Difference:
    """How the lines of a schema differ from those of a fresh one."""
    found, expected = set(lines), set(fresh)
    if not found:
        return Difference(missing=[f"the whole schema {schema}"], surplus=[])
    return Difference(missing=sorted(expected - found), surplus=sorted(found - expected))


# The planner takes one schema for all of them and would read the catalogs of thousands of tenants from end to end.
_BY_INDEX = ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit")
_PREPARE = "SELECT set_config('search_path', '', true), " + ", ".join(
    f"set_config('{setting}', 'off', true)" for setting in _BY_INDEX
)


def _prepare(connection: Connection) -> None:
    """Until the transaction ends: every name is written with its schema, whoever asks, and catalogs are read by index."""
    connection.execute(_PREPARE)
