"""how often a job has killed its worker"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Count the leases of a job that were lost."""
    op.add_column("job", sa.Column("lost_leases", sa.BigInteger(), server_default="0", nullable=False))
