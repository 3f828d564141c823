"""search, notices, lists"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from trilend.tenancy.blueprint import REPORTS_PLACEHOLDER, ROLE_PLACEHOLDER

revision = "0013"
down_revision = "0012"

_NEW = ("search_entry", "notice", "notice_choice", "saved_filter", "list_choice", "list_export")


def _of_person(**options: object) -> "sa.Column[object]":
    return sa.Column("user_id", sa.Integer(), sa.ForeignKey("ab_user.id", ondelete="CASCADE"), **options)  # type: ignore[arg-type]


def _created() -> "sa.Column[object]":
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    """Make room for what records are found by, what people are told, and what they keep of lists."""
    op.add_column("party", sa.Column("name_order", sa.String(200), server_default="", nullable=False))
    op.create_index("party_order", "party", ["name_order", "id"])
    op.execute(f"GRANT SELECT (name_order) ON party TO {REPORTS_PLACEHOLDER}")
    op.create_table(
        "search_entry",
        sa.Column("subject_type", sa.String(32), primary_key=True),
        sa.Column("subject_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("words", postgresql.TSVECTOR(), nullable=False),
    )
    op.create_index("search_entry_words", "search_entry", ["words"], postgresql_using="gin")
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        _of_person(nullable=False),
        sa.Column("sort", sa.String(40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("url", sa.String(300), nullable=False),
        sa.Column("key", sa.String(120)),
        sa.Column("read_at", sa.DateTime(timezone=True)),
        _created(),
    )
    op.create_index("notice_person", "notice", ["user_id", "id"])
    op.create_index("notice_unread", "notice", ["user_id"], postgresql_where=sa.text("read_at IS NULL"))
    op.create_index("notice_key", "notice", ["user_id", "key"], unique=True)
    op.create_table(
        "notice_choice",
        _of_person(primary_key=True, autoincrement=False),
        sa.Column("sort", sa.String(40), primary_key=True),
        sa.Column("in_app", sa.Boolean(), nullable=False),
        sa.Column("mail", sa.Boolean(), nullable=False),
    )
    op.create_table(
        "saved_filter",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("list_name", sa.String(32), nullable=False),
        _of_person(nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.String(1000), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        _created(),
    )
    op.create_index("saved_filter_list", "saved_filter", ["list_name", "user_id"])
    op.create_table(
        "list_choice",
        _of_person(primary_key=True, autoincrement=False),
        sa.Column("list_name", sa.String(32), primary_key=True),
        sa.Column("columns", sa.JSON()),
        sa.Column("filter_id", sa.BigInteger(), sa.ForeignKey("saved_filter.id", ondelete="SET NULL")),
    )
    op.create_index(
        "list_choice_filter", "list_choice", ["filter_id"], postgresql_where=sa.text("filter_id IS NOT NULL")
    )
    op.create_table(
        "list_export",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("list_name", sa.String(32), nullable=False),
        _of_person(nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("wanted", sa.JSON(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("object_key", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(120), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        _created(),
    )
    op.create_index("list_export_person", "list_export", ["user_id", "id"])
    op.create_index("list_export_expiry", "list_export", ["expires_at"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {', '.join(_NEW)} TO {ROLE_PLACEHOLDER}")
    # What records are found by needs the keys of the company, which a step has not: the company's own worker does it.
    op.execute(
        "INSERT INTO job (name, payload, state, queue, key, attempts, done_steps, total_steps, note) "
        "SELECT 'search.fill', '{}', 'queued', 'batch', 'search.fill.0013', 0, 0, 0, '' "
        "WHERE EXISTS (SELECT FROM party)"
    )
