"""What a record can be found by, kept beside it."""

from sqlalchemy import Index, String
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import TenantBase


class SearchEntry(TenantBase):
    """The words by which one record is found: `words` are whole words and the ends of words, each found by its beginning.

    Numbers that are personal are in it as keyed digests only. `name` is what is shown first when it is entered whole.
    """

    __tablename__ = "search_entry"
    __table_args__ = (Index("search_entry_words", "words", postgresql_using="gin"),)

    subject_type: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(200), default="")
    words: Mapped[str] = mapped_column(TSVECTOR)
