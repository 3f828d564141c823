"""The row of a stored file: what it is, with which key it is sealed, and how long it has to be kept."""

from datetime import date, datetime

from sqlalchemy import Index, Integer, String, text
from sqlalchemy.orm import Mapped, mapped_column

from trilend.db.base import BigKey, Created, TenantBase

# What a row says of the content never changes, a row is never removed, and the database itself refuses to let go of
# a file that has to be kept.
_RULES = (
    """CREATE FUNCTION guard_stored_object() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'rows of stored_object stay' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF (NEW.id, NEW.key, NEW.area, NEW.size, NEW.sha256, NEW.media_type, NEW.created_at)
     IS DISTINCT FROM (OLD.id, OLD.key, OLD.area, OLD.size, OLD.sha256, OLD.media_type, OLD.created_at) THEN
    RAISE EXCEPTION 'what stored_object says of a content stays' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF OLD.retain_until IS NOT NULL AND (NEW.retain_until IS NULL OR NEW.retain_until < OLD.retain_until) THEN
    RAISE EXCEPTION 'retention only grows' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL AND (OLD.legal_hold <> '' OR NEW.legal_hold <> ''
     OR NEW.retain_until >= (now() AT TIME ZONE 'Asia/Shanghai')::date) THEN
    RAISE EXCEPTION 'this object has to be kept' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$""",
    "CREATE TRIGGER guard_stored_object BEFORE UPDATE OR DELETE ON stored_object "
    "FOR EACH ROW EXECUTE FUNCTION guard_stored_object()",
)


class StoredObject(Created, TenantBase):
    """A file of the tenant; `key` is `<area>/<random>`, `size` and `sha256` are those of the content.

    It lies in the store under its key and `key_number`. `retain_until` is the last day (in China) on which it may not
    be deleted; `legal_hold` the reason for which it may not be deleted at all, empty if there is none. From
    `deleted_at` on nobody gets it any more; at `removed_at` the store has forgotten it.
    """

    __tablename__ = "stored_object"
    __table_args__ = (
        Index("stored_object_living", "size", postgresql_where=text("deleted_at IS NULL")),
        Index(
            "stored_object_to_remove",
            "deleted_at",
            postgresql_where=text("deleted_at IS NOT NULL AND removed_at IS NULL"),
        ),
        Index("stored_object_area", "area", "id", postgresql_where=text("deleted_at IS NULL")),
        Index("stored_object_held", "id", postgresql_where=text("legal_hold <> '' AND deleted_at IS NULL")),
        Index(
            "stored_object_retained",
            "retain_until",
            "id",
            postgresql_where=text("retain_until IS NOT NULL AND deleted_at IS NULL"),
        ),
        {"info": {"ddl": _RULES}},
    )

    id: Mapped[BigKey]
    key: Mapped[str] = mapped_column(String(64), unique=True)
    area: Mapped[str] = mapped_column(String(32))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    media_type: Mapped[str] = mapped_column(String(100))
    key_number: Mapped[int] = mapped_column(Integer)
    created_by: Mapped[int | None]
    retain_until: Mapped[date | None]
    legal_hold: Mapped[str] = mapped_column(String(200), default="", server_default="")
    deleted_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
