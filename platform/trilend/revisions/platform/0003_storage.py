"""a row for each stored file"""

import sqlalchemy as sa
from alembic import op

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table, and a row for the file of every document there is; all are sealed with the first data key."""
    op.create_table(
        "stored_object",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("key", sa.String(64), nullable=False, unique=True),
        sa.Column("area", sa.String(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        sa.Column("retain_until", sa.Date()),
        sa.Column("legal_hold", sa.String(200), server_default="", nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("stored_object_living", "stored_object", ["size"], postgresql_where=sa.text("deleted_at IS NULL"))
    op.create_index(
        "stored_object_to_remove",
        "stored_object",
        ["deleted_at"],
        postgresql_where=sa.text("deleted_at IS NOT NULL AND removed_at IS NULL"),
    )
    op.execute(_GUARD)
    op.execute(
        "CREATE TRIGGER guard_stored_object BEFORE UPDATE OR DELETE ON stored_object "
        "FOR EACH ROW EXECUTE FUNCTION guard_stored_object()"
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON stored_object TO {ROLE_PLACEHOLDER}")
    op.execute(
        "INSERT INTO stored_object (key, area, size, sha256, media_type, key_number, created_at) "
        "SELECT DISTINCT ON (object_key) object_key, split_part(object_key, '/', 1), size, sha256, media_type, 1, "
        "created_at FROM document ORDER BY object_key, id"
    )


_GUARD = """CREATE FUNCTION guard_stored_object() RETURNS trigger LANGUAGE plpgsql AS $$
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
END $$"""
