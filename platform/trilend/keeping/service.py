"""Puts files under legal holds and lifts holds, each for a reason and with a line in the audit log."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.audit.service import Actor
from trilend.keeping.errors import AlreadyHeld, NotHeld, ReasonNeeded, UnknownFile
from trilend.storage import objects
from trilend.storage.models import StoredObject


def kept_file(session: Session, file_id: int) -> StoredObject:
    """A file of the bound company that is not deleted; raises `UnknownFile`."""
    found = session.scalar(select(StoredObject).where(StoredObject.id == file_id, StoredObject.deleted_at.is_(None)))
    if found is None:
        raise UnknownFile(file_id)
    return found


def hold_file(session: Session, actor: Actor, file_id: int, reason: str) -> StoredObject:
    """Put a file under a hold; raises `UnknownFile`, `ReasonNeeded`, `AlreadyHeld`."""
    stored = _locked(session, file_id, reason)
    if stored.legal_hold:
        raise AlreadyHeld
    objects.hold(session, actor, stored, reason)
    return stored


def lift_hold_of(session: Session, actor: Actor, file_id: int, reason: str) -> StoredObject:
    """Lift a file's hold, after which it may be deleted when its time is over; raises `UnknownFile`, `ReasonNeeded`, `NotHeld`."""
    stored = _locked(session, file_id, reason)
    if not stored.legal_hold:
        raise NotHeld
    objects.lift_hold(session, actor, stored, reason.strip()[:200])
    return stored


def _locked(session: Session, file_id: int, reason: str) -> StoredObject:
    """The file as it is now, kept from being deleted or changed by others until the caller's transaction ends."""
    if not reason.strip():
        raise ReasonNeeded
    stored = kept_file(session, file_id)
    session.refresh(stored, with_for_update=True)
    if stored.deleted_at is not None:
        raise UnknownFile(file_id)
    return stored
