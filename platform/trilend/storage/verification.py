"""Reads every stored file of a tenant and says which are missing or damaged."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.storage.errors import KeyMissing, ObjectDamaged, ObjectMissing
from trilend.storage.models import StoredObject
from trilend.storage.objects import pieces

_PORTION = 500


@dataclass
class FileReport:
    """How many files are what their rows say; the keys of those that are not there, and of those that are not."""

    sound: int = 0
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


def verify(session: Session) -> FileReport:
    """Hold the content of every file that is not deleted against its SHA-256; memory does not grow with them."""
    report = FileReport()
    for portion in _portions(session):
        for stored in portion:
            try:
                for _ in pieces(stored):
                    pass
            except ObjectMissing:
                report.missing.append(stored.key)
            except (ObjectDamaged, KeyMissing):
                report.damaged.append(stored.key)
            else:
                report.sound += 1
    return report


def _portions(session: Session) -> Iterator[Sequence[StoredObject]]:
    last = 0
    while True:
        wanted = select(StoredObject).where(StoredObject.id > last, StoredObject.deleted_at.is_(None))
        portion = session.scalars(wanted.order_by(StoredObject.id).limit(_PORTION)).all()
        session.expunge_all()
        # No transaction stays open while files are read, which may take long.
        session.rollback()
        if not portion:
            return
        yield portion
        last = portion[-1].id
