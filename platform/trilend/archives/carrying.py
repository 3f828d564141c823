"""Fills a fresh space with the rows of another one and proves, before anything is kept, that they are the same."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trilend.archives.errors import NotFaithful, OtherStructure
from trilend.storage.objects import key_of
from trilend.tenancy.blueprint import blueprint_of
from trilend.tenancy.provisioning import drop_space, make_space
from trilend.tenancy.servers import owner_connection
from trilend.tenancy.tables import (
    Connection,
    TableRows,
    Tally,
    enter,
    fill,
    rows_of,
    sequences_of,
    set_sequences,
    tables_of,
    tally_of,
    triggers_at_rest,
)

Progress = Callable[[int, int, str], None]
"""Told how many steps are done, of how many, and what is being done."""


def in_silence(done: int, total: int, what: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Cargo:
    """Rows on their way: tables in the order in which they go in, what gives the rows of one, and how far sequences are."""

    tables: Sequence[TableRows]
    rows: Callable[[TableRows], Iterable[bytes]]
    sequences: Mapping[str, int]


def cargo_of(connection: Connection, schema: str) -> Cargo:
    """What a schema holds, read by a connection that has begun a snapshot of it."""
    return Cargo(
        tables_of(connection, schema),
        lambda table: rows_of(connection, table, Tally()),
        sequences_of(connection, schema),
    )


def make_empty_space(owner: Connection, schema: str, cell: int, kind: str) -> None:
    """Make a space without rows in the owner's open transaction, ready to be filled."""
    make_space(owner, schema, cell, blueprint_of(kind), with_rows=False)
    enter(owner, schema)


def take_in(owner: Connection, schema: str, cargo: Cargo, progress: Progress = in_silence) -> dict[str, Tally]:
    """Fill a space that was made in the owner's open transaction; returns what came in, by table.

    Rows come in as they are, without any trigger. Afterwards every table is read again and must give, byte for byte,
    what went in; raises `NotFaithful` or `OtherStructure`, and the caller's transaction keeps nothing.
    """
    _same_structure(tables_of(owner, schema), cargo.tables)
    arrived: dict[str, Tally] = {}
    steps = 2 * len(cargo.tables)
    with triggers_at_rest(owner, schema):
        for number, table in enumerate(cargo.tables):
            arrived[table.name] = Tally()
            fill(owner, table, cargo.rows(table), arrived[table.name])
            progress(number + 1, steps, table.name)
        set_sequences(owner, dict(cargo.sequences))
    different = []
    for number, table in enumerate(cargo.tables):
        if tally_of(owner, table) != arrived[table.name]:
            different.append(table.name)
        progress(len(cargo.tables) + number + 1, steps, table.name)
    if different or sequences_of(owner, schema) != dict(cargo.sequences):
        raise NotFaithful(", ".join(different) or "sequences")
    return arrived


def set_work_aside(owner: Connection, note: str) -> None:
    """Stop, in a space that has just been filled, what the company it comes from may still be doing itself.

    Jobs that waited count as failed, for a person to look at; connections wait for a test. Otherwise two installations
    would send the same transfer.
    """
    owner.execute(
        "UPDATE job SET state = 'failed', lease_until = NULL, finished_at = now(), note = %s "
        "WHERE state IN ('queued', 'running')",
        (note,),
    )
    owner.execute("UPDATE connection SET state = 'draft' WHERE state = 'active'")


def follow_objects(owner: Connection, names: Iterable[str]) -> None:
    """Let rows point to files as they are named now: one that was sealed anew since then has another number."""
    found = [known for name in names if (known := key_of(f"/{name}")) is not None]
    owner.execute(
        """
        UPDATE stored_object SET key_number = there.number
        FROM (
            SELECT key, max(number) AS number, array_agg(number) AS numbers
            FROM unnest(%s::text[], %s::int[]) AS given (key, number) GROUP BY key
        ) AS there
        WHERE stored_object.key = there.key AND stored_object.key_number <> ALL (there.numbers)
        """,
        ([key for key, _ in found], [number for _, number in found]),
    )


def remove_space(shard: str, schema: str) -> None:
    """Drop a schema and its role on a server, if they are there."""
    with owner_connection(shard) as owner:
        owner.execute("SET LOCAL statement_timeout = 0")
        drop_space(owner, schema)


def _same_structure(ours: Sequence[TableRows], theirs: Sequence[TableRows]) -> None:
    here = {table.name: sorted(table.columns) for table in ours}
    there = {table.name: sorted(table.columns) for table in theirs}
    different = sorted(name for name in here.keys() | there.keys() if here.get(name) != there.get(name))
    if different:
        raise OtherStructure(", ".join(different))
