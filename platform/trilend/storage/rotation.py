"""Gives a tenant a new data key, and seals anew what older ones have sealed."""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import (
    Column,
    LargeBinary,
    Row,
    Table,
    bindparam,
    func,
    literal,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.db.base import TenantBase, now
from trilend.jobs.service import JobRun, Policy, Queue, enqueue, handles
from trilend.kinds import kinds
from trilend.storage.errors import KeyMissing, KeyStillNeeded, ObjectDamaged, ObjectMissing
from trilend.storage.keys import (
    INDEX_KEY,
    active_key,
    adopt_keys,
    derive_index_key,
    unwrap,
    wrap,
)
from trilend.storage.models import StoredObject
from trilend.storage.numbered import HEAD, head_of
from trilend.storage.objects import pieces, write_sealed
from trilend.storage.sealed import Sealed
from trilend.storage.sweeping import adopt
from trilend.tenancy.context import (
    FIRST_KEY,
    BoundTenant,
    RegistrySession,
    TenantSession,
    bound,
    current_tenant,
    tenant_session,
)
from trilend.tenancy.models import DataKey, Tenant
from trilend.tenancy.service import CACHE_SECONDS, tenant_by_id

RESEAL = "storage.reseal"
_ROWS = 200
_MOST_PASSES = 5


@dataclass
class ResealReport:
    """How many rows and files were sealed anew; the keys of files that are missing or damaged and stay as they are."""

    rows: int = 0
    files: int = 0
    unopened: list[str] = field(default_factory=list)


def new_data_key(tenant_id: str) -> int:
    """Give a tenant a new data key, with which everything is sealed from now on; returns its number.

    The key before it is retired: it opens what it has sealed. The key of the blind index stays what it is.
    """
    with RegistrySession() as registry:
        rows = adopt_keys(registry, tenant_id)
        if not rows:
            raise KeyMissing(FIRST_KEY)
        numbers = {row.number: row for row in rows}
        if INDEX_KEY not in numbers:
            index = derive_index_key(unwrap(numbers[FIRST_KEY].wrapped))
            registry.add(DataKey(tenant_id=tenant_id, number=INDEX_KEY, wrapped=wrap(index)))
        for row in rows:
            if row.number >= FIRST_KEY and row.retired_at is None:
                row.retired_at = now()
        number = max(numbers) + 1
        registry.add(DataKey(tenant_id=tenant_id, number=number, wrapped=wrap(secrets.token_bytes(32))))
        registry.commit()
    return number


def order_resealing(tenant_id: str) -> int:
    """Have what older keys have sealed sealed anew by a job; returns the job's id."""
    with bound(tenant_by_id(tenant_id)), TenantSession() as session:
        job = enqueue(session, RESEAL, {})
        session.commit()
        return job.id


def reseal(session: Session) -> ResealReport:
    """Seal anew, with the data key in use, every value and file of the bound tenant that another one has sealed.

    Portion by portion, each in a transaction of its own; what was killed goes on where it was, because what is done
    is told by its number. Rows are locked while they are sealed, so that no change of a person's is lost.
    """
    report = ResealReport()
    if active_key() == FIRST_KEY:
        return report
    for table, columns in sealed_columns(current_tenant().kind):
        report.rows += _reseal_table(session, table, columns)
    adopt(session)
    session.commit()
    _reseal_files(session, report)
    return report


def forget_retired_keys(tenant: BoundTenant) -> list[int]:
    """Destroy the retired data keys of a tenant with which nothing is sealed any more; returns their numbers.

    Raises `KeyStillNeeded` while something is, or for a key retired within the time of grace: work that began before
    may still seal with it. Backups from before can then be opened only with a copy of the registry of that time.
    """
    limit = now() - timedelta(hours=settings().storage_grace_hours)
    with bound(tenant):
        reseal(tenant_session())
        if _is_anything_left(tenant_session()):
            raise KeyStillNeeded
    with RegistrySession() as registry:
        retired = [row for row in adopt_keys(registry, tenant.id) if row.retired_at is not None]
        if any(row.retired_at is not None and row.retired_at > limit for row in retired):
            raise KeyStillNeeded
        for row in retired:
            if row.number == FIRST_KEY:
                registry.get_one(Tenant, tenant.id).wrapped_key = None
            registry.delete(row)
        registry.commit()
        return [row.number for row in retired]


def sealed_columns(kind: str) -> Iterator[tuple[Table, Sequence[Column[Any]]]]:
    """The tables that a tenant of a kind has, with their sealed columns, those without any left out."""
    foreign = {table.name for other in kinds().values() if other.name != kind for table in other.tables}
    for table in TenantBase.metadata.sorted_tables:
        columns = [column for column in table.columns if isinstance(column.type, Sealed)]
        if columns and table.name not in foreign:
            yield table, columns


@handles(RESEAL, label=_l("Sealing with a new key"), queue=Queue.BATCH, policy=Policy(limit_seconds=12 * 3600.0))
def _reseal(run: JobRun) -> dict[str, Any]:
    """Pass after pass, until one finds nothing: processes that knew the former key have sealed with it for seconds."""
    total = ResealReport()
    for number in range(_MOST_PASSES):
        found = reseal(tenant_session())
        total.rows += found.rows
        total.files += found.files
        total.unopened = found.unopened
        run.progress(number + 1, number + 2)
        if number and not (found.rows or found.files):
            break
        time.sleep(CACHE_SECONDS)
    return vars(total)


def _reseal_table(session: Session, table: Table, columns: Sequence[Column[Any]]) -> int:
    (key,) = table.primary_key.columns
    outdated = or_(*(_is_outdated(column) for column in columns))
    change = (
        table.update().where(key == bindparam("of_row")).values({c.name: bindparam(f"new_{c.name}") for c in columns})
    )
    done, last = 0, None
    while True:
        wanted = select(key, *columns).where(outdated).order_by(key).limit(_ROWS).with_for_update()
        rows = session.execute(wanted if last is None else wanted.where(key > last)).all()
        if not rows:
            session.rollback()
            return done
        session.connection().execute(change, [_values(row, key, columns) for row in rows])
        last = rows[-1]._mapping[key]
        session.commit()
        done += len(rows)


def _values(row: Row[Any], key: Column[Any], columns: Sequence[Column[Any]]) -> dict[str, Any]:
    return {"of_row": row._mapping[key]} | {f"new_{column.name}": row._mapping[column] for column in columns}


def _is_outdated(column: Column[Any]) -> Any:
    head = func.substring(type_coerce(column, LargeBinary), 1, HEAD)
    return head != literal(head_of(active_key()), LargeBinary)


def _reseal_files(session: Session, report: ResealReport) -> None:
    outdated = (StoredObject.key_number != active_key(), StoredObject.deleted_at.is_(None))
    last = 0
    while True:
        wanted = select(StoredObject).where(*outdated, StoredObject.id > last).order_by(StoredObject.id).limit(_ROWS)
        portion = session.scalars(wanted).all()
        session.expunge_all()
        # No transaction stays open while files are read and written, which may take long.
        session.rollback()
        if not portion:
            return
        for stored in portion:
            _reseal_file(session, stored, report)
        last = portion[-1].id


def _reseal_file(session: Session, stored: StoredObject, report: ResealReport) -> None:
    """Seal a file anew under a new name: who reads it meanwhile reads on, and the sweep takes the old one away."""
    number = active_key()
    try:
        write_sealed(stored.key, number, pieces(stored))
    except (ObjectMissing, ObjectDamaged):
        report.unopened.append(stored.key)
        return
    unchanged = (StoredObject.id == stored.id, StoredObject.key_number == stored.key_number)
    session.execute(update(StoredObject).where(*unchanged).values(key_number=number))
    session.commit()
    report.files += 1


def _is_anything_left(session: Session) -> bool:
    tables = sealed_columns(current_tenant().kind)
    values = [
        select(literal(1)).select_from(table).where(or_(*(_is_outdated(column) for column in columns))).exists()
        for table, columns in tables
    ]
    # Rows of deleted files count until the store has forgotten them.
    files = select(StoredObject.id).where(StoredObject.key_number != active_key(), StoredObject.removed_at.is_(None))
    left = bool(session.scalar(select(or_(*values, files.exists()))))
    session.rollback()
    return left
