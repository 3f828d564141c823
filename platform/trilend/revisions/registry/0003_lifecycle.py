"""lifecycle: suspension, and how long a door stays as it is"""

import sqlalchemy as sa
from alembic import op

revision = "0003b"
down_revision = "0003"


def upgrade() -> None:
    """Say what a suspension leaves open, and until when a door is not."""
    op.add_column("tenant", sa.Column("door_until", sa.DateTime(timezone=True)))
    op.add_column("tenant", sa.Column("suspension", sa.String(16), server_default="open", nullable=False))
