"""indexes by which kept files are listed, and documents found by their file"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the indexes."""
    op.create_index("document_object_key", "document", ["object_key"])
    living = sa.text("deleted_at IS NULL")
    op.create_index("stored_object_area", "stored_object", ["area", "id"], postgresql_where=living)
    held = sa.text("legal_hold <> '' AND deleted_at IS NULL")
    op.create_index("stored_object_held", "stored_object", ["id"], postgresql_where=held)
    retained = sa.text("retain_until IS NOT NULL AND deleted_at IS NULL")
    op.create_index("stored_object_retained", "stored_object", ["retain_until", "id"], postgresql_where=retained)
