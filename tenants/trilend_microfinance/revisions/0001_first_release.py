"""the first release: its tables are there already"""

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Change nothing: the branch begins here."""
