"""the cell's login takes the tenant's role, the application's no longer does"""

from alembic import op

from trilend.tenancy.blueprint import CELL_PLACEHOLDER, ROLE_PLACEHOLDER
from trilend.tenancy.servers import LOGIN

revision = "0002"
down_revision = "0001"
excused = {"ban-revoke": "the first release's login reached every company, and that wall is not put off"}


def upgrade() -> None:
    """Move the membership from the one login of the first release to the login of the tenant's cell."""
    op.execute(f"GRANT {ROLE_PLACEHOLDER} TO {CELL_PLACEHOLDER} WITH INHERIT FALSE, SET TRUE")
    op.execute(f"REVOKE {ROLE_PLACEHOLDER} FROM {LOGIN}")
