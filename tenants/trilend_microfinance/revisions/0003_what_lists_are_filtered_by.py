"""what lists are filtered by"""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Index the day of an application, the next due day of a loan, and what is past due."""
    op.create_index("loan_next_due", "loan", ["next_due_on", "id"])
    op.create_index("loan_overdue", "loan", ["id"], postgresql_where="days_past_due > 0")
    op.create_index("loan_application_applied", "loan_application", ["applied_on", "id"])
