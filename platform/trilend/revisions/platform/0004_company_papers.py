"""company papers"""

import sqlalchemy as sa
from alembic import op

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Give a company a place for its papers."""
    op.create_table(
        "company_paper",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.Date()),
        sa.Column("valid_until", sa.Date()),
        sa.Column("object_key", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(200), nullable=False),
        sa.Column("media_type", sa.String(100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("submitted_by", sa.BigInteger()),
        sa.Column("submitter", sa.String(100), nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decider", sa.String(100), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("company_paper_kind", "company_paper", ["kind", "id"])
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON company_paper TO {ROLE_PLACEHOLDER}")
