"""lifecycle: suspension, the log of moves, papers, plans, calls, domains"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_CREATED = sa.text("now()")
# As they were when this step was written: what plans become later is not its business.
_FIRST_PLANS = """
INSERT INTO trilend.plan (name, label, people, storage_bytes, calls_per_day, calls_per_month) VALUES
    ('trial', '试用', 10, 1073741824, 2000, 20000),
    ('standard', '标准', 50, 53687091200, 20000, 400000),
    ('large', '大型', NULL, 536870912000, 200000, 4000000)
ON CONFLICT DO NOTHING
""".strip()


def upgrade() -> None:
    """Say what a suspension leaves open and until when a door is not, and keep what operators decide."""
    op.add_column("tenant", sa.Column("door_until", sa.DateTime(timezone=True)))
    op.add_column("tenant", sa.Column("suspension", sa.String(16), server_default="open", nullable=False))
    op.add_column("tenant", sa.Column("host", sa.String(253), server_default="", nullable=False))
    op.add_column("tenant", sa.Column("verified_at", sa.DateTime(timezone=True)))
    op.create_index("tenant_state_created_at", "tenant", ["state", "created_at"])
    op.create_table(
        "tenant_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        _tenant(),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("operator_id", sa.BigInteger()),
        sa.Column("operator", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        _created(),
    )
    op.create_index("tenant_event_tenant", "tenant_event", ["tenant_id", "id"])
    op.create_table(
        "paper_index",
        _tenant(primary_key=True),
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("valid_until", sa.Date()),
        sa.Column("submitted_at", sa.DateTime(timezone=True)),
        sa.Column("reminded_days", sa.SmallInteger()),
    )
    op.create_index("paper_index_state", "paper_index", ["state", "submitted_at"])
    op.create_index("paper_index_valid_until", "paper_index", ["valid_until"])
    op.create_table(
        "plan",
        sa.Column("name", sa.String(32), primary_key=True),
        sa.Column("label", sa.String(100), nullable=False),
        sa.Column("people", sa.BigInteger()),
        sa.Column("storage_bytes", sa.BigInteger()),
        sa.Column("calls_per_day", sa.BigInteger()),
        sa.Column("calls_per_month", sa.BigInteger()),
        _created(),
    )
    op.execute(_FIRST_PLANS)
    op.create_table(
        "call_count",
        _tenant(primary_key=True),
        sa.Column("day", sa.Date(), primary_key=True),
        sa.Column("calls", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "domain",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        _tenant(),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("note", sa.String(64), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True)),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True)),
        _created(),
        sa.UniqueConstraint("tenant_id", "host"),
    )
    op.create_index("domain_proved", "domain", ["host"], unique=True, postgresql_where=sa.text("state = 'verified'"))
    op.create_index("domain_next_check", "domain", ["next_check_at"])


def _tenant(*, primary_key: bool = False) -> sa.Column[str]:
    reference = sa.ForeignKey("trilend.tenant.id")
    return sa.Column("tenant_id", sa.String(16), reference, primary_key=primary_key, nullable=False)


def _created() -> sa.Column[object]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=_CREATED, nullable=False)
