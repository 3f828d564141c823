"""Files documents under what they belong to, and reads them back unchanged."""

from collections.abc import Sequence
from hashlib import sha256

from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.documents.models import Document
from trilend.errors import NotFound
from trilend.storage import objects


class DocumentChanged(RuntimeError):
    """A stored document does not have the digest it was filed with."""


def file_document(
    session: Session, *, subject_type: str, subject_id: int, kind: str, title: str, media_type: str, content: bytes
) -> Document:
    """Store content and file it; the row appears with the caller's transaction."""
    document = Document(
        subject_type=subject_type,
        subject_id=subject_id,
        kind=kind,
        title=title,
        media_type=media_type,
        object_key=objects.put("documents", content),
        sha256=sha256(content).hexdigest(),
        size=len(content),
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
    """A document's bytes, checked against the digest it was filed with; raises `DocumentChanged`."""
    content = objects.get(filed.object_key)
    if sha256(content).hexdigest() != filed.sha256:
        raise DocumentChanged(filed.object_key)
    return content


def documents_of(session: Session, subject_type: str, subject_id: int) -> Sequence[Document]:
    """All documents of a subject, newest first."""
    return session.scalars(
        select(Document)
        .where(Document.subject_type == subject_type, Document.subject_id == subject_id)
        .order_by(Document.id.desc())
    ).all()
