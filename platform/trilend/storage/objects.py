"""Stores a tenant's files sealed, hands them out whole or in part, and keeps those that have to be kept."""

import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from hashlib import sha256
from itertools import chain
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from trilend.audit.service import Actor, record
from trilend.db.base import now
from trilend.storage.areas import Area, Inspection
from trilend.storage.errors import ObjectDamaged, ObjectMissing, RetentionOnlyGrows, UnderLegalHold, UnderRetention
from trilend.storage.keys import active_key, tenant_key
from trilend.storage.models import StoredObject
from trilend.storage.primitives import unseal
from trilend.storage.stores.interface import PIECE, store
from trilend.storage.stream import CHUNK, TAG, StreamCipher, StreamHead, chunk_count
from trilend.tenancy.context import FIRST_KEY, current_tenant
from trilend.tenancy.plans.service import measure_storage_by

SUBJECT = "stored_object"
PURPOSE = "object"
KEY = re.compile(r"[a-z]+/[0-9a-f]{32}")

Content = bytes | Iterable[bytes] | BinaryIO


def put(
    session: Session,
    area: Area,
    content: Content,
    *,
    media_type: str = "",
    created_by: int | None = None,
    retain_until: date | None = None,
) -> StoredObject:
    """Store a file for the bound tenant, piece by piece; its row appears with the caller's transaction.

    The content is durable when this returns; if the transaction is rolled back, a sweep removes it. `media_type` is
    what the sender says it is. Raises `FileTooLarge`, `FileTypeRefused`, `NotWhatItSays`, `HasMacros`, `StorageFull`,
    `StorageAway`; nothing is left behind then.
    """
    inspection = Inspection(area, media_type)
    key, number = f"{area.name}/{secrets.token_hex(16)}", active_key()
    write_sealed(key, number, inspection.watch(pieces_of(content)))
    stored = StoredObject(
        key=key,
        area=area.name,
        size=inspection.size,
        sha256=inspection.sha256,
        media_type=inspection.media_type,
        key_number=number,
        created_by=created_by,
        retain_until=retain_until,
    )
    session.add(stored)
    session.flush()
    return stored


def find(session: Session, key: str) -> StoredObject:
    """The row of a file that has not been deleted; raises `ObjectMissing`."""
    statement = select(StoredObject).where(StoredObject.key == key, StoredObject.deleted_at.is_(None))
    found = session.scalar(statement) if KEY.fullmatch(key) else None
    if found is None:
        raise ObjectMissing(key)
    return found


def listed(session: Session) -> Sequence[StoredObject]:
    """The files of the bound tenant that are not deleted, newest first."""
    statement = select(StoredObject).where(StoredObject.deleted_at.is_(None)).order_by(StoredObject.id.desc())
    return session.scalars(statement).all()


def read(stored: StoredObject) -> bytes:
    """A file's content; raises `ObjectMissing`, `ObjectDamaged`."""
    return b"".join(pieces(stored))


def pieces(stored: StoredObject, first: int = 0, last: int | None = None) -> Iterator[bytes]:
    """A file's content from offset `first` to `last` (included), piece by piece, each checked before it is given.

    What has been begun can be read to its end with no tenant bound. Raises `ObjectMissing` at once, `ObjectDamaged`
    also on the way: the whole content is held against its SHA-256, and a part against the seal of its place.
    """
    name = object_name(current_tenant().id, stored.key, stored.key_number)
    end = stored.size - 1 if last is None else min(last, stored.size - 1)
    wanted_whole = (first, end) == (0, stored.size - 1)
    start, rest = _parted(_sealed(stored, name, 0, None if wanted_whole else StreamHead.LENGTH - 1))
    head = StreamHead.read(start)
    if head is None:
        return iter([_opened_whole(stored, b"".join(_sealed(stored, name, 0, None)))[first : end + 1]])
    cipher = StreamCipher(tenant_key(PURPOSE, head.number), head, stored.key.encode())
    return (
        _verified(cipher.open(rest), stored.sha256, stored.size)
        if wanted_whole
        else _part(cipher, stored, name, first, end)
    )


def delete(session: Session, actor: Actor, stored: StoredObject, *, today: date, reason: str) -> None:
    """Delete a file: nobody gets it from the caller's commit on, and a sweep has the store forget it later.

    `today` is the day in China. Raises `UnderLegalHold`, `UnderRetention`.
    """
    session.flush()
    session.refresh(stored, with_for_update=True)
    if stored.legal_hold:
        raise UnderLegalHold(stored.legal_hold)
    if stored.retain_until is not None and today <= stored.retain_until:
        raise UnderRetention(stored.retain_until)
    stored.deleted_at = now()
    record(session, actor, "object.deleted", SUBJECT, stored.id, reason=reason)


def hold(session: Session, actor: Actor, stored: StoredObject, reason: str) -> None:
    """Put a file under a legal hold: it cannot be deleted until the hold is lifted, whatever its retention."""
    stored.legal_hold = reason.strip()[:200]
    record(session, actor, "object.held", SUBJECT, stored.id, reason=stored.legal_hold)


def lift_hold(session: Session, actor: Actor, stored: StoredObject, reason: str) -> None:
    """Lift a legal hold."""
    stored.legal_hold = ""
    record(session, actor, "object.hold_lifted", SUBJECT, stored.id, reason=reason)


def retain(session: Session, actor: Actor, stored: StoredObject, until: date, reason: str) -> None:
    """Have a file kept until the end of a day in China; raises `RetentionOnlyGrows` for a day before the one that holds."""
    if stored.retain_until is not None and until < stored.retain_until:
        raise RetentionOnlyGrows(stored.retain_until)
    stored.retain_until = until
    record(session, actor, "object.retained", SUBJECT, stored.id, reason=reason, until=until.isoformat())


def stored_bytes(session: Session) -> int:
    """How many bytes of files the bound tenant keeps; deleted ones do not count."""
    total = session.scalar(select(func.sum(StoredObject.size)).where(StoredObject.deleted_at.is_(None)))
    return int(total or 0)


measure_storage_by(stored_bytes)


def object_name(tenant_id: str, key: str, number: int) -> str:
    """The name in the store: a file sealed anew has another one, so that nothing is ever written over.

    Raises `ObjectMissing` for a key of another form, so that no row can lead out of its tenant's folder.
    """
    if not KEY.fullmatch(key):
        raise ObjectMissing(key)
    return f"{tenant_id}/{key}" if number == FIRST_KEY else f"{tenant_id}/{key}.{number}"


def key_of(name: str) -> tuple[str, int] | None:
    """Key and number of a name in the store; None for one that is none of ours."""
    key, _, number = name.partition("/")[2].partition(".")
    if not KEY.fullmatch(key) or not (number or "1").isdecimal():
        return None
    return key, int(number or FIRST_KEY)


def write_sealed(key: str, number: int, content: Iterable[bytes]) -> None:
    """Seal a content with one of the bound tenant's data keys and store it."""
    head = StreamHead.new(number)
    cipher = StreamCipher(tenant_key(PURPOSE, number), head, key.encode())

    def sealed() -> Iterator[bytes]:
        yield head.to_bytes()
        yield from cipher.seal(content)

    store().write(object_name(current_tenant().id, key, number), sealed())


def pieces_of(content: Content) -> Iterator[bytes]:
    """Bytes, pieces or an open file as pieces of moderate size."""
    if isinstance(content, bytes):
        return (content[at : at + PIECE] for at in range(0, len(content), PIECE))
    if hasattr(content, "read"):
        return iter(lambda: content.read(PIECE), b"")
    return iter(content)


def _part(cipher: StreamCipher, stored: StoredObject, name: str, first: int, last: int) -> Iterator[bytes]:
    begin, end = first // CHUNK, last // CHUNK
    ends = end == chunk_count(stored.size) - 1
    sealed_from = StreamHead.LENGTH + begin * (CHUNK + TAG)
    sealed_to = None if ends else StreamHead.LENGTH + (end + 1) * (CHUNK + TAG) - 1
    opened = cipher.open(_sealed(stored, name, sealed_from, sealed_to), position=begin, ends=ends)
    return _cut(opened, first - begin * CHUNK, last - first + 1)


def _cut(chunks: Iterator[bytes], skipped: int, length: int) -> Iterator[bytes]:
    for chunk in chunks:
        piece = chunk[skipped : skipped + length]
        skipped = 0
        length -= len(piece)
        if piece:
            yield piece
    if length:
        raise ObjectDamaged


def _sealed(stored: StoredObject, name: str, first: int, last: int | None) -> Iterator[bytes]:
    found = store().read(name, first, last)
    if found is None:
        raise ObjectMissing(stored.key)
    return found


def _verified(content: Iterator[bytes], expected_digest: str, expected_size: int) -> Iterator[bytes]:
    digest, size = sha256(), 0
    for piece in content:
        digest.update(piece)
        size += len(piece)
        yield piece
    if (digest.hexdigest(), size) != (expected_digest, expected_size):
        raise ObjectDamaged


def _parted(sealed: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first bytes, as many as a head has, and the rest."""
    start = b""
    for piece in sealed:
        start += piece
        if len(start) >= StreamHead.LENGTH:
            break
    return start[: StreamHead.LENGTH], chain([start[StreamHead.LENGTH :]], sealed)


def _opened_whole(stored: StoredObject, sealed: bytes) -> bytes:
    """The content of an object that the first release sealed whole."""
    try:
        content = unseal(tenant_key(PURPOSE, FIRST_KEY), sealed, context=stored.key.encode())
    except (InvalidTag, ValueError) as error:  # ValueError: shorter than a nonce
        raise ObjectDamaged from error
    if sha256(content).hexdigest() != stored.sha256:
        raise ObjectDamaged
    return content
