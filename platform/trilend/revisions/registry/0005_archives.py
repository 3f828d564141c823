"""passages of companies, and copies of them that share a credit code"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
excused = {"ban-drop-constraint": "the same step makes a unique index of this name, among companies that live"}


def upgrade() -> None:
    """A credit code is unique among living originals; what is done to a company as a whole gets a row."""
    op.add_column("tenant", sa.Column("copy_of", sa.String(16)))
    op.drop_constraint("tenant_uscc_key", "tenant")
    op.create_index(
        "tenant_uscc_key",
        "tenant",
        ["uscc"],
        unique=True,
        postgresql_where=sa.text("copy_of IS NULL AND state <> 'closed'"),
    )
    op.create_table(
        "passage",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("act", sa.String(16), nullable=False),
        sa.Column("tenant_id", sa.String(16), nullable=False),
        sa.Column("slug", sa.String(63), nullable=False),
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("fault", sa.String(500), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("passage_tenant", "passage", ["tenant_id", "act"])
    op.create_index(
        "passage_one_at_a_time",
        "passage",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("finished_at IS NULL AND act IN ('move', 'close')"),
    )
