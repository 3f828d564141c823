"""what reports may read of loans"""

from alembic import op

from trilend.tenancy.blueprint import REPORTS_PLACEHOLDER

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Let the gate for SQL written by the tenant read products, applications, loans and their events."""
    op.execute(f"GRANT SELECT ON loan_product, loan_application, loan, loan_event TO {REPORTS_PLACEHOLDER}")
