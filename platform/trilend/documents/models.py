"""A stored document; content is never changed, a new version is a new row."""

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase
from trilend.organization.scope import OfSubject


class Document(OfSubject, Created, TenantBase):
    """A file that belongs to a subject (`loan_application`, 12)."""

    __tablename__ = "document"
    __table_args__ = (
        Index("document_subject", "subject_type", "subject_id"),
        Index("document_object_key", "object_key"),
        {"info": {"append_only": True}},
    )

    id: Mapped[BigKey]
    subject_type: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(32))
    title: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(100))
    object_key: Mapped[str] = mapped_column(String(64))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
