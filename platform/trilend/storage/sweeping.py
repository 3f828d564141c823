"""Sweeps the store: what no transaction has kept, what was deleted or is over its days, what a dead writer left."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from flask_babel import gettext
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, insert, literal, or_, select, true, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute, Session

from trilend.audit.service import SYSTEM, line
from trilend.config import settings
from trilend.db.base import now
from trilend.jobs.schedules import Declared, declare_schedule
from trilend.jobs.service import JobRun, Queue, handles
from trilend.storage.areas import Area
from trilend.storage.models import StoredObject
from trilend.storage.objects import SUBJECT, key_of, object_name
from trilend.storage.stores.interface import Entry, store
from trilend.tenancy.context import FIRST_KEY, current_tenant, tenant_session

log = structlog.get_logger(__name__)

SWEEP = "storage.sweep"
_PORTION = 500
_CHINA = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Claim:
    """Columns of another area's table that name a stored file and say what a row of it would."""

    key: InstrumentedAttribute[str]
    size: InstrumentedAttribute[int]
    sha256: InstrumentedAttribute[str]
    media_type: InstrumentedAttribute[str]


_claims: list[Claim] = []


def claims(claim: Claim) -> None:
    """Let a table hold on to files that have no row of their own; the sweep gives them one."""
    _claims.append(claim)


_passing: dict[str, Callable[[], int]] = {}


def passes(area: Area, days: Callable[[], int]) -> None:
    """Let the sweep delete the files of an area so many days after they were stored, unless they have to be kept."""
    _passing[area.name] = days


@dataclass
class SweepReport:
    """How many names were looked at, and what became of those that nobody needs."""

    seen: int = 0
    adopted: int = 0
    expired: int = 0
    orphans: int = 0
    outdated: int = 0
    deleted: int = 0
    unfinished: int = 0


def sweep(session: Session, *, before: datetime | None = None) -> SweepReport:
    """Remove what nobody needs and what is older than the time of grace; commits portion by portion.

    Younger names are left alone: their transaction may not have ended. Running it again, or twice at once, does no
    harm: a name is removed from the store first, and the row says so after that.
    """
    limit = before or now() - timedelta(hours=settings().storage_grace_hours)
    report = SweepReport()
    prefix = f"{current_tenant().id}/"
    report.unfinished = store().drop_unfinished(prefix, limit)
    report.expired = expire(session)
    _remove_deleted(session, limit, report)
    for portion in _portions(store().entries(prefix)):
        report.seen += len(portion)
        _sweep_portion(session, [entry.name for entry in portion if entry.modified < limit], report)
    return report


declare_schedule(
    Declared(
        name="sweep_files",
        job=SWEEP,
        label=_l("Clean-up of stored files"),
        hint=_l("Removes deleted files for good, and what no document needs."),
        cron="40 3 * * *",
    )
)


@handles(SWEEP, label=_l("Clean-up of stored files"), queue=Queue.BATCH)
def _sweep(run: JobRun) -> dict[str, Any]:
    report = sweep(tenant_session())
    log.info("store swept", **vars(report))
    return vars(report)


def expire(session: Session) -> int:
    """Delete the files whose areas keep them for some days only, each with a line in the log; commits. Returns how many.

    What is under a hold, or has to be kept, stays until a later sweep finds it free.
    """
    today = datetime.now(_CHINA).date()
    expired = 0
    for area, days in _passing.items():
        kept_for = days()
        ids = session.scalars(
            update(StoredObject)
            .where(
                StoredObject.area == area,
                StoredObject.deleted_at.is_(None),
                StoredObject.created_at < now() - timedelta(days=kept_for),
                StoredObject.legal_hold == "",
                or_(StoredObject.retain_until.is_(None), StoredObject.retain_until < today),
            )
            .values(deleted_at=func.now())
            .returning(StoredObject.id),
            execution_options={"synchronize_session": False},
        ).all()
        reason = gettext("Kept for %(days)s days", days=kept_for)
        session.add_all(line(SYSTEM, "object.deleted", SUBJECT, file_id, reason=reason, area=area) for file_id in ids)
        expired += len(ids)
    session.commit()
    return expired


def _remove_deleted(session: Session, limit: datetime, report: SweepReport) -> None:
    tenant = current_tenant().id
    waiting = (
        select(StoredObject.id, StoredObject.key, StoredObject.key_number)
        .where(StoredObject.deleted_at < limit, StoredObject.removed_at.is_(None))
        .order_by(StoredObject.deleted_at)
        .limit(_PORTION)
    )
    while rows := session.execute(waiting).all():
        store().delete([object_name(tenant, row.key, row.key_number) for row in rows])
        session.execute(
            update(StoredObject).where(StoredObject.id.in_([row.id for row in rows])).values(removed_at=func.now()),
            execution_options={"synchronize_session": False},
        )
        session.commit()
        report.deleted += len(rows)


def _sweep_portion(session: Session, names: Sequence[str], report: SweepReport) -> None:
    known = {name: key_and_number for name in names if (key_and_number := key_of(name)) is not None}
    keys = {key for key, _ in known.values()}
    report.adopted += adopt(session, keys)
    rows = session.execute(
        select(StoredObject.key, StoredObject.key_number).where(
            StoredObject.key.in_(keys), StoredObject.removed_at.is_(None)
        )
    )
    current: dict[str, int] = {row.key: row.key_number for row in rows}
    session.commit()
    orphans = [name for name, (key, _) in known.items() if key not in current]
    outdated = [name for name, (key, number) in known.items() if current.get(key, number) != number]
    store().delete([*orphans, *outdated])
    report.orphans += len(orphans)
    report.outdated += len(outdated)


def adopt(session: Session, keys: set[str] | None = None) -> int:
    """Give rows to files (all, or those with these keys) that another area's table names; returns how many."""
    adopted = 0
    for claim in _claims:
        missing = (
            select(
                claim.key,
                func.split_part(claim.key, "/", 1),
                claim.size,
                claim.sha256,
                claim.media_type,
                literal(FIRST_KEY),
            )
            .where(true() if keys is None else claim.key.in_(keys))
            .where(~select(StoredObject.id).where(StoredObject.key == claim.key).exists())
            .ext(distinct_on(claim.key))
        )
        columns = ["key", "area", "size", "sha256", "media_type", "key_number"]
        inserted = session.execute(insert(StoredObject).from_select(columns, missing).returning(StoredObject.id))
        adopted += len(inserted.all())
    return adopted


def _portions(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    while portion := list(islice(entries, _PORTION)):
        yield portion
