"""departments, who sees what, and hand-overs"""

import sqlalchemy as sa
from alembic import op

from trilend.tenancy.blueprint import REPORTS_PLACEHOLDER, ROLE_PLACEHOLDER

revision = "0010"
down_revision = "0009"
_NEW = "the columns are new and the rows of one company few: they are checked in the moment the step takes"
excused = {"adding-foreign-key-constraint": _NEW, "constraint-missing-not-valid": _NEW}

_ENTERED = """
UPDATE party SET owner_id = entered.actor_id
FROM (
    SELECT DISTINCT ON (entry.subject_id) entry.subject_id, entry.actor_id
    FROM audit_entry AS entry JOIN ab_user ON ab_user.id = entry.actor_id
    WHERE entry.subject_type = 'party' AND entry.act IN ('party.added', 'party.imported')
    ORDER BY entry.subject_id, entry.id
) AS entered
WHERE party.id = entered.subject_id"""


def upgrade() -> None:
    """Make the company its own root department; what people saw they go on seeing; customers belong to who entered them."""
    op.create_table(
        "department",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("parent_id", sa.BigInteger(), sa.ForeignKey("department.id")),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("path", sa.String(400), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.Column("closed_into", sa.BigInteger(), sa.ForeignKey("department.id")),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("department_path", "department", ["path"], unique=True, postgresql_ops={"path": "text_pattern_ops"})
    op.create_index(
        "department_name",
        "department",
        ["parent_id", "name"],
        unique=True,
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_table(
        "placement",
        sa.Column("user_id", sa.Integer(), sa.ForeignKey("ab_user.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("department_id", sa.BigInteger(), sa.ForeignKey("department.id"), nullable=False),
        sa.Column("position", sa.String(60), nullable=False),
    )
    op.create_index("ix_placement_department_id", "placement", ["department_id"])
    op.create_table(
        "role_scope",
        sa.Column("role_id", sa.Integer(), sa.ForeignKey("ab_role.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("scope", sa.String(8), nullable=False),
    )
    op.create_table(
        "program_department",
        sa.Column("client_id", sa.BigInteger(), sa.ForeignKey("api_client.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("department_id", sa.BigInteger(), sa.ForeignKey("department.id"), nullable=False),
    )
    op.create_table(
        "hand_over",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("from_user_id", sa.Integer(), sa.ForeignKey("ab_user.id"), nullable=False),
        sa.Column("to_user_id", sa.Integer(), sa.ForeignKey("ab_user.id")),
        sa.Column("leaving", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("hand_over_from", "hand_over", ["from_user_id", "id"])
    op.create_table(
        "hand_over_item",
        sa.Column("hand_over_id", sa.BigInteger(), sa.ForeignKey("hand_over.id"), primary_key=True),
        sa.Column("subject_type", sa.String(32), primary_key=True),
        sa.Column("subject_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON hand_over_item "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(f"GRANT SELECT, INSERT ON hand_over_item TO {ROLE_PLACEHOLDER}")
    changeable = "department, placement, role_scope, program_department, hand_over"
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {changeable} TO {ROLE_PLACEHOLDER}")
    op.execute("INSERT INTO department (name, path) VALUES ('', '/1/')")
    op.execute("INSERT INTO role_scope (role_id, scope) SELECT id, 'all' FROM ab_role")
    op.execute(
        "INSERT INTO parameter (name, value, unit, effective_from, jurisdiction, legal_basis, verified) "
        "VALUES ('reveals_per_day', 50, 'times', DATE '2025-01-01', 'CN', '', false)"
    )
    op.add_column("party", sa.Column("owner_id", sa.Integer()))
    op.add_column("party", sa.Column("department_id", sa.BigInteger(), server_default="1", nullable=False))
    op.execute(_ENTERED)
    op.create_index("party_owner", "party", ["owner_id", "id"])
    op.create_index("party_department", "party", ["department_id", "id"])
    op.create_foreign_key("party_owner_id_fkey", "party", "ab_user", ["owner_id"], ["id"])
    op.create_foreign_key("party_department_id_fkey", "party", "department", ["department_id"], ["id"])
    op.execute(f"GRANT SELECT (owner_id, department_id) ON party TO {REPORTS_PLACEHOLDER}")
