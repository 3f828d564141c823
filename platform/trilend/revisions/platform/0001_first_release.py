"""the first release: from here on a schema says how far it is"""

from alembic import op

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Give a schema of the first release the table of its versions."""
    op.execute(
        """
        CREATE TABLE schema_version (
            branch VARCHAR(32) NOT NULL,
            revision VARCHAR(64) NOT NULL,
            previous VARCHAR(64),
            applied_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
            PRIMARY KEY (branch, revision),
            CONSTRAINT schema_version_one_successor UNIQUE (branch, previous),
            CONSTRAINT schema_version_in_order FOREIGN KEY (branch, previous)
                REFERENCES schema_version (branch, revision)
        )
        """
    )
    op.execute(f"GRANT SELECT ON schema_version TO {ROLE_PLACEHOLDER}")
