"""how a domain is proved, and how long a statement of a plan's companies may take"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the way of proof of domains, and the seconds of plans; nothing means the installation's."""
    op.add_column("domain", sa.Column("method", sa.String(16), server_default="record", nullable=False))
    op.add_column("plan", sa.Column("statement_seconds", sa.BigInteger()))
