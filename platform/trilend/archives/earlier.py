"""Makes a space as an earlier revision had it, and brings what was put into it to this release."""

import psycopg

from trilend.archives.errors import NotBroughtForward, OtherRelease
from trilend.storage.keys import KeyRing
from trilend.storage.seals import RingSeals
from trilend.tenancy.blueprint import ROLE_PLACEHOLDER
from trilend.tenancy.migration.fingerprint import compare, fresh_lines
from trilend.tenancy.migration.seals import NoSeals
from trilend.tenancy.migration.steps import PERMISSIONS, Position, first_text, steps_from, steps_until, targets
from trilend.tenancy.migration.travellers import Traveller, move
from trilend.tenancy.servers import LOGIN, cell_login, owner_connection
from trilend.tenancy.tables import Connection, enter, sequences_of, tables_of, triggers_at_rest


def has_other_structure(kind: str, revision: str) -> bool:
    """Whether tables were built differently at this earlier revision; permissions alone are rows."""
    return any(step.branch != PERMISSIONS for step in steps_from(kind, Position.read(revision)))


def make_earlier_space(owner: Connection, schema: str, cell: int, kind: str, revision: str) -> None:
    """Make a space without rows as it was at an earlier revision, in the owner's open transaction.

    It begins as the first release made it and takes all steps up to the revision, as the company itself did. Raises
    `OtherRelease` for a kind that does not keep its first release.
    """
    first = first_text(kind)
    if first is None:
        raise OtherRelease(revision, targets()[kind])
    owner.execute(
        f"CREATE ROLE {schema} NOLOGIN; GRANT {schema} TO {LOGIN} WITH INHERIT FALSE, SET TRUE; CREATE SCHEMA {schema}; "
        f"GRANT USAGE ON SCHEMA {schema} TO {schema}; SET LOCAL search_path TO {schema}".encode()
    )
    owner.execute(first.replace(ROLE_PLACEHOLDER, schema).encode())
    for step in steps_until(kind, Position.read(revision)):
        given = (NoSeals(),) if step.wants_seals else ()
        while step.batch is not None and step.batch(owner, *given):
            pass
        owner.execute(step.text(schema, cell_login(cell)).encode())
    _empty(owner, schema)
    enter(owner, schema)


def bring_forward(traveller: Traveller, ring: KeyRing) -> None:
    """Take all steps to this release and prove that the space equals a fresh one; raises `NotBroughtForward`."""
    with owner_connection(traveller.shard, autocommit=True) as connection:
        try:
            move(connection, traveller, RingSeals(ring))
        except psycopg.Error as error:
            raise NotBroughtForward(str(error).strip().splitlines()[0][:500]) from error
        with connection.transaction():
            fresh = fresh_lines(traveller.kind, traveller.shard)
            difference = compare(connection, traveller.schema, traveller.cell, fresh)
    if difference:
        raise NotBroughtForward(str(difference)[:500])


def _empty(owner: Connection, schema: str) -> None:
    """Take away the rows that the first release began with, and let all sequences begin anew."""
    with triggers_at_rest(owner, schema):
        owner.execute(f"TRUNCATE {', '.join(table.name for table in tables_of(owner, schema))}".encode())
    for name in sequences_of(owner, schema):
        owner.execute(f"ALTER SEQUENCE {name} RESTART".encode())
