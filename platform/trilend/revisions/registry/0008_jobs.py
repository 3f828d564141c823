"""when to look into which tenant for work, and which mails were handed over"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_NOW = sa.text("now()")


def upgrade() -> None:
    """Widen the platform's own jobs as those of tenants, and add the hints and the deliveries."""
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
    op.drop_index("job_open", "job")
    op.create_table(
        "tenant_work",
        sa.Column("tenant_id", sa.String(16), sa.ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("look_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("touched_at", sa.DateTime(timezone=True)),
        sa.Column("looked_at", sa.DateTime(timezone=True)),
        sa.Column("queued", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("running", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("failed", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("waiting_since", sa.DateTime(timezone=True)),
    )
    op.create_index("tenant_work_look_at", "tenant_work", ["look_at"])
    op.create_index("tenant_work_failed", "tenant_work", ["tenant_id"], postgresql_where=sa.text("failed > 0"))
    op.add_column("outbox_message", sa.Column("key", sa.String(120)))
    op.create_unique_constraint("outbox_message_key_key", "outbox_message", ["key"])
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
    )
