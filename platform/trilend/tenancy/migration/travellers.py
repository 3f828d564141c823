"""Who is to be moved, and how one of them takes its steps."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
from sqlalchemy import func, literal, not_, select, true, tuple_
from sqlalchemy.orm import Session

from trilend.db.wire import send
from trilend.tenancy.door import DIFFERS
from trilend.tenancy.migration.places import places_behind
from trilend.tenancy.migration.seals import NoSeals, Seals, seals_of
from trilend.tenancy.migration.steps import Position, Step, steps_from
from trilend.tenancy.models import Spare, Tenant, TenantState
from trilend.tenancy.servers import cell_login

Connection = psycopg.Connection[tuple[object, ...]]

LOCK_TIMEOUT, STATEMENT_TIMEOUT = "3s", "5min"


@dataclass(frozen=True)
class Traveller:
    """A tenant or a spare, as migration and verification see it."""

    id: str
    slug: str
    kind: str
    shard: str
    cell: int
    revision: str
    is_spare: bool
    faulty: bool = False

    @property
    def schema(self) -> str:
        """Its schema and role."""
        return f"t_{self.id}"


def travellers(session: Session, slugs: Sequence[str], *, faulty: bool) -> Sequence[Traveller]:
    """Everybody (or these tenants) who is not where this release is; with `faulty` also those left behind before.

    A spare that was found to differ is left where it is: nothing can be learnt from it, and nobody will get it.
    """
    behind = [(place.kind, place.revision) for place in places_behind(session, faulty=faulty)]
    if not behind:
        return []
    tenants = select(
        Tenant.id,
        Tenant.slug,
        Tenant.kind,
        Tenant.shard,
        Tenant.cell,
        Tenant.revision,
        literal(False),
        Tenant.fault != "",
    ).where(
        tuple_(Tenant.kind, Tenant.revision).in_(behind),
        Tenant.state.not_in((TenantState.PROVISIONING, TenantState.CLOSED)),
        Tenant.slug.in_(slugs) if slugs else true(),
        true() if faulty else Tenant.fault == "",
    )
    spares = select(
        Spare.id, Spare.id, Spare.kind, Spare.shard, Spare.cell, Spare.revision, literal(True), Spare.fault != ""
    ).where(
        tuple_(Spare.kind, Spare.revision).in_(behind),
        not_(func.starts_with(Spare.fault, DIFFERS)) if faulty else Spare.fault == "",
    )
    rows = [*session.execute(tenants.order_by(Tenant.id)), *(() if slugs else session.execute(spares))]
    return [Traveller(*row) for row in rows]


def move(connection: Connection, traveller: Traveller, seals: Seals | None = None) -> None:
    """Take all steps that a schema still has to take, each with its record in one message and one transaction.

    `seals` are the keys for its data steps if the registry does not have them yet.
    """
    for step in steps_from(traveller.kind, Position.read(traveller.revision)):
        try:
            _take(connection, traveller, step, seals)
        except psycopg.Error:
            connection.rollback()
            # A run that was killed between the step and the registry's row has left the step taken.
            if not _is_taken(connection, traveller.schema, step):
                raise


def move_together(connection: Connection, group: Sequence[Traveller]) -> bool:
    """Take the steps of several in one message, each still in a transaction of its own; False where one did not come through.

    Those before it have arrived then, and those after it have not set out: `move` each by itself, and it will turn out.
    Nobody sets out where a step is more than SQL.
    """
    steps = [(each, step) for each in group for step in steps_from(each.kind, Position.read(each.revision))]
    if any(step.batch for _, step in steps):
        return False
    try:
        send(connection, "\n".join(_transaction(each, step) for each, step in steps).encode())
    except psycopg.Error:
        connection.rollback()
        return False
    return True


def _take(connection: Connection, traveller: Traveller, step: Step, seals: Seals | None) -> None:
    if step.batch is None:
        send(connection, _transaction(traveller, step).encode())
        return
    given = (_seals_for(traveller, seals),) if step.wants_seals else ()
    more = not _is_taken(connection, traveller.schema, step)
    while more:
        send(connection, _opening(traveller).encode())
        more = step.batch(connection, *given)
        send(connection, f"{'' if more else _text(traveller, step)}\nCOMMIT".encode())


def _transaction(traveller: Traveller, step: Step) -> str:
    return f"{_opening(traveller)}\n{_text(traveller, step)}\nCOMMIT;"


def _opening(traveller: Traveller) -> str:
    return (
        f"BEGIN; SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'; "
        f"SET LOCAL search_path TO {traveller.schema};"
    )


def _text(traveller: Traveller, step: Step) -> str:
    return step.text(traveller.schema, cell_login(traveller.cell))


def _seals_for(traveller: Traveller, seals: Seals | None) -> Seals:
    if seals is not None:
        return seals
    return NoSeals() if traveller.is_spare else seals_of(traveller.id)


def _is_taken(connection: Connection, schema: str, step: Step) -> bool:
    if connection.execute("SELECT to_regclass(%s) IS NULL", (f"{schema}.schema_version",)).fetchone() == (True,):
        return False
    row = connection.execute(
        f"SELECT 1 FROM {schema}.schema_version WHERE branch = %s AND revision = %s", (step.branch, step.revision)
    ).fetchone()
    return row is not None
