"""who let a program in"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
_NEW = "the column is new and a company has few programs: it is checked in the moment the step takes"
excused = {"adding-foreign-key-constraint": _NEW, "constraint-missing-not-valid": _NEW}


def upgrade() -> None:
    """Keep who let a program in; of those that are there the log says it."""
    op.add_column("api_client", sa.Column("created_by", sa.Integer(), nullable=True))
    op.create_foreign_key(
        "api_client_created_by_fkey", "api_client", "ab_user", ["created_by"], ["id"], ondelete="SET NULL"
    )
    op.execute(
        "UPDATE api_client SET created_by = entry.actor_id FROM audit_entry AS entry "
        "WHERE entry.act = 'api_client.added' AND entry.subject_type = 'api_client' AND entry.subject_id = api_client.id "
        "AND EXISTS (SELECT 1 FROM ab_user WHERE ab_user.id = entry.actor_id)"
    )
