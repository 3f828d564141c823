"""where the fleet is, found at once; what a spare was made from; signs of life of a migration"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Replace the index of places by one that tells those with a fault apart, and let runs tell how they are."""
    faulty = sa.text("(fault <> '')")
    op.add_column("spare", sa.Column("blueprint", sa.String(16), server_default="", nullable=False))
    op.add_column("fleet_run", sa.Column("halted", sa.JSON(), server_default="{}", nullable=False))
    op.add_column(
        "fleet_run", sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    )
    op.create_index(
        "tenant_place",
        "tenant",
        ["kind", "revision", faulty],
        postgresql_where=sa.text("state NOT IN ('provisioning', 'closed')"),
    )
    op.create_index("spare_place", "spare", ["kind", "revision", faulty])
    op.drop_index("tenant_kind_revision", "tenant")
    op.drop_index("spare_kind_revision", "spare")
