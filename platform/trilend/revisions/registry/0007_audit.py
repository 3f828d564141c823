"""anchors of the audit logs"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Keep the signed ends of all companies' audit logs where none of them can reach."""
    op.create_table(
        "audit_anchor",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("tenant_id", sa.String(16), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("signer", sa.String(300), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("tenant_id", "number", "method"),
        schema="trilend",
    )
    for rule in _RULES:
        op.execute(rule)


_RULES = (
    "CREATE FUNCTION trilend.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$\n"
    "BEGIN\n"
    "  RAISE EXCEPTION 'anchors are append-only' USING ERRCODE = 'integrity_constraint_violation';\n"
    "END $$",
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trilend.audit_anchor "
    "FOR EACH STATEMENT EXECUTE FUNCTION trilend.refuse_change()",
)
