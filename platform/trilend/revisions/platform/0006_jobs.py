"""jobs say for whom they are, stand in one of two queues, and are started by schedules"""

import sqlalchemy as sa
from alembic import op

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Widen jobs, index them by what is asked for, and make room for schedules."""
    op.add_column("job", sa.Column("queue", sa.String(16), server_default="interactive", nullable=False))
    op.add_column("job", sa.Column("key", sa.String(120)))
    op.add_column("job", sa.Column("language", sa.String(16), server_default="", nullable=False))
    op.add_column("job", sa.Column("trace", sa.String(32), server_default="", nullable=False))
    op.add_column("job", sa.Column("started_at", sa.DateTime(timezone=True)))
    op.add_column("job", sa.Column("settled_by", sa.String(100), server_default="", nullable=False))
    op.add_column("job", sa.Column("settled_reason", sa.String(500), server_default="", nullable=False))
    op.create_index("job_next", "job", ["queue", "not_before", "id"], postgresql_where=sa.text("state = 'queued'"))
    op.create_index("job_held", "job", ["queue", "lease_until"], postgresql_where=sa.text("state = 'running'"))
    op.create_index("job_failed", "job", ["finished_at"], postgresql_where=sa.text("state = 'failed'"))
    op.create_index("job_key", "job", ["key"], unique=True)
    # The four above answer what it answered.
    op.drop_index("job_open", "job")
    op.create_table(
        "schedule",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False, unique=True),
        sa.Column("cron", sa.String(64), nullable=False),
        sa.Column("time_zone", sa.String(64), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True)),
        sa.Column("last_job", sa.BigInteger()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON schedule TO {ROLE_PLACEHOLDER}")
