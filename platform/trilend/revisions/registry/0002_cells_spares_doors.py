"""cells, spares, doors, and the runs of a migration"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
_SIGN_UPS = "pods of the first release refuse sign-ups while they are replaced; companies are served all the while"
excused = {"ban-drop-default": _SIGN_UPS, "adding-not-nullable-field": _SIGN_UPS}

_CREATED = sa.text("now()")


def upgrade() -> None:
    """Spread the tenants over the cells there are, and give everybody a look and an open door."""
    op.add_column("tenant", sa.Column("look", sa.String(63)))
    op.add_column("tenant", sa.Column("cell", sa.SmallInteger(), server_default="0", nullable=False))
    op.alter_column("tenant", "cell", server_default=None)
    op.add_column("tenant", sa.Column("door", sa.String(16), server_default="open", nullable=False))
    op.add_column("tenant", sa.Column("door_reason", sa.String(32), server_default="", nullable=False))
    op.add_column("tenant", sa.Column("fault", sa.String(500), server_default="", nullable=False))
    op.execute(_LOOKS)
    op.execute(_CELLS)
    op.alter_column("tenant", "look", nullable=False)
    op.create_unique_constraint("tenant_look_key", "tenant", ["look"])
    op.create_index("tenant_kind_revision", "tenant", ["kind", "revision"])
    op.create_index("tenant_created_at", "tenant", ["created_at"])
    op.create_table(
        "spare",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("revision", sa.String(64), nullable=False),
        sa.Column("shard", sa.String(32), nullable=False),
        sa.Column("cell", sa.SmallInteger(), nullable=False),
        sa.Column("fault", sa.String(500), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_CREATED, nullable=False),
    )
    op.create_index("spare_kind_revision", "spare", ["kind", "revision"])
    op.create_table(
        "fleet_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("failed", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_CREATED, nullable=False),
    )


# As `tenancy.names.look_of` does it. Two that look alike were allowed before: the younger keeps its address, and its
# look is made its own.
_LOOKS = """
WITH seen AS (
    SELECT id, created_at, replace(replace(replace(
        translate(replace(slug, '-', ''), '01i52', 'ollsz'), 'rn', 'm'), 'vv', 'w'), 'cl', 'd'
    ) AS look
    FROM tenant
)
UPDATE tenant SET look = CASE WHEN numbered.number = 1 THEN numbered.look ELSE '=' || tenant.slug END
FROM (SELECT id, look, row_number() OVER (PARTITION BY look ORDER BY created_at, id) AS number FROM seen) AS numbered
WHERE numbered.id = tenant.id
"""

_CELLS = r"""
UPDATE tenant SET cell = placed.cell
FROM (
    SELECT id, (row_number() OVER (ORDER BY id) - 1)
        % (SELECT greatest(count(*), 1) FROM pg_catalog.pg_roles WHERE rolname LIKE 'trilend\_cell\_%') AS cell
    FROM tenant
) AS placed
WHERE placed.id = tenant.id
"""
