"""What somebody has entered into a form and not sent, sealed as the form may hold anything."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, TenantBase
from trilend.storage.sealed import SealedText


class FormDraft(TenantBase):
    """One person's draft of one form; `form` names it, `entries` are pairs of field and value as JSON."""

    __tablename__ = "form_draft"
    __table_args__ = (UniqueConstraint("person_id", "form"), Index("form_draft_age", "saved_at"))

    id: Mapped[BigKey]
    person_id: Mapped[int] = mapped_column(ForeignKey("ab_user.id", ondelete="CASCADE"))
    form: Mapped[str] = mapped_column(String(100))
    entries: Mapped[str] = mapped_column(SealedText, info={"audited": False})
    saved_at: Mapped[datetime]
