"""data keys by number"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
excused = {"ban-drop-not-null": "who signs up by either release has the key in both places"}


def upgrade() -> None:
    """Every tenant's key becomes its key number 1.

    `tenant.wrapped_key` stays filled for processes of the release before; it goes in a release after this one, once no
    process reads it and every key in it has been copied.
    """
    op.create_table(
        "data_key",
        sa.Column("tenant_id", sa.String(16), sa.ForeignKey("trilend.tenant.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.execute("INSERT INTO data_key (tenant_id, number, wrapped) SELECT id, 1, wrapped_key FROM tenant")
    op.alter_column("tenant", "wrapped_key", nullable=True)
