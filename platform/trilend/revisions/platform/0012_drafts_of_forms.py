"""drafts of forms"""

import sqlalchemy as sa
from alembic import op

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Give each person a place for what was typed and not sent."""
    op.create_table(
        "form_draft",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("person_id", sa.Integer(), sa.ForeignKey("ab_user.id", ondelete="CASCADE"), nullable=False),
        sa.Column("form", sa.String(100), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("person_id", "form"),
    )
    op.create_index("form_draft_age", "form_draft", ["saved_at"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON form_draft TO {ROLE_PLACEHOLDER}")
