"""Files documents under what they belong to, and reads them back unchanged."""

from collections.abc import Sequence
from datetime import date

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session, object_session

from trilend.documents.models import Document
from trilend.errors import NotFound
from trilend.storage import objects
from trilend.storage.areas import CSV, DOCX, JPEG, OFD, PDF, PNG, TEXT, TIFF, XLSX, Area
from trilend.storage.errors import ObjectMissing
from trilend.storage.models import StoredObject
from trilend.storage.sweeping import Claim, claims
from trilend.tenancy.context import FIRST_KEY

AREA = Area("documents", types=(PDF, OFD, PNG, JPEG, TIFF, XLSX, DOCX, TEXT, CSV), megabytes=100)

# Processes of the release before this one file documents without a row for the content.
claims(Claim(Document.object_key, size=Document.size, sha256=Document.sha256, media_type=Document.media_type))


def file_document(
    session: Session,
    *,
    subject_type: str,
    subject_id: int,
    kind: str,
    title: str,
    media_type: str,
    content: objects.Content,
    created_by: int | None = None,
    retain_until: date | None = None,
) -> Document:
    """Store content and file it; the row appears with the caller's transaction. Raises what `storage.objects.put` does."""
    stored = objects.put(
        session, AREA, content, media_type=media_type, created_by=created_by, retain_until=retain_until
    )
    document = Document(
        subject_type=subject_type,
        subject_id=subject_id,
        kind=kind,
        title=title,
        media_type=stored.media_type,
        object_key=stored.key,
        sha256=stored.sha256,
        size=stored.size,
    )
    session.add(document)
    session.flush()
    return document


def document(session: Session, document_id: int) -> Document:
    """One document's row; raises `NotFound`."""
    found = session.get(Document, document_id)
    if found is None:
        raise NotFound(_l("This document does not exist."), id=document_id)
    return found


def content_of(filed: Document) -> bytes:
    """A document's bytes, held against the digest it was filed with; raises `ObjectMissing`, `ObjectDamaged`."""
    return objects.read(stored_of(filed))


def stored_of(filed: Document) -> StoredObject:
    """The stored file of a document; raises `ObjectMissing` if it has been deleted."""
    session = object_session(filed)
    if session is None:
        raise RuntimeError("a document is read within the session it came from")
    found = session.scalar(select(StoredObject).where(StoredObject.key == filed.object_key))
    if found is None:
        # Filed by the release before this one, while this one is rolled out; the nightly sweep gives it a row.
        return StoredObject(
            key=filed.object_key,
            size=filed.size,
            sha256=filed.sha256,
            media_type=filed.media_type,
            key_number=FIRST_KEY,
        )
    if found.deleted_at is not None:
        raise ObjectMissing(filed.object_key)
    return found


def documents_of(session: Session, subject_type: str, subject_id: int) -> Sequence[Document]:
    """All documents of a subject, newest first."""
    return session.scalars(
        select(Document)
        .where(Document.subject_type == subject_type, Document.subject_id == subject_id)
        .order_by(Document.id.desc())
    ).all()
