"""programs act for people, and events leave for other programs"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

revision = "0011"
down_revision = "0010"
_NEW = "the column is new and empty, so that there is nothing to look at"
excused = {"adding-foreign-key-constraint": _NEW, "constraint-missing-not-valid": _NEW}

_APPEND_ONLY = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON business_event "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    """Make room for consents, codes and refresh tokens; for events, who is told them, and what became of it."""
    op.add_column("api_client", sa.Column("kind", sa.String(16), server_default="service", nullable=False))
    op.add_column("api_client", sa.Column("redirect_uris", sa.String(4000), server_default="", nullable=False))
    op.add_column("api_client", sa.Column("last_used_at", sa.DateTime(timezone=True)))
    _make_consents()
    op.add_column("api_token", sa.Column("grant_id", sa.BigInteger()))
    op.create_foreign_key("api_token_grant_id_fkey", "api_token", "api_grant", ["grant_id"], ["id"], ondelete="CASCADE")
    op.create_index("api_token_grant", "api_token", ["grant_id"])
    _make_events()
    _make_deliveries()
    for table in ("api_grant", "api_code", "api_refresh_token"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE_PLACEHOLDER}")
    for table in ("webhook_endpoint", "webhook_delivery", "webhook_attempt"):
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {ROLE_PLACEHOLDER}")
    op.execute(f"GRANT SELECT, INSERT ON business_event TO {ROLE_PLACEHOLDER}")
    op.execute(_APPEND_ONLY)


def _make_consents() -> None:
    op.create_table(
        "api_grant",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("client_id", sa.BigInteger(), _on("api_client.id"), nullable=False),
        sa.Column("user_id", sa.Integer(), _on("ab_user.id"), nullable=False),
        sa.Column("scopes", sa.String(1000), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        _created(),
    )
    op.create_index("api_grant_user", "api_grant", ["user_id"])
    op.create_index("api_grant_client", "api_grant", ["client_id"])
    op.create_table(
        "api_code",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("grant_id", sa.BigInteger(), _on("api_grant.id"), nullable=False),
        sa.Column("redirect_uri", sa.String(500), nullable=False),
        sa.Column("challenge", sa.String(128), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        _created(),
    )
    op.create_table(
        "api_refresh_token",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("grant_id", sa.BigInteger(), _on("api_grant.id"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True)),
        _created(),
    )
    for table in ("api_code", "api_refresh_token"):
        op.create_index(f"{table}_grant", table, ["grant_id"])
        op.create_index(f"{table}_expiry", table, ["expires_at"])


def _make_events() -> None:
    op.create_table(
        "business_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("event_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("subject_type", sa.String(32), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_number", sa.String(64), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        _created(),
        sa.UniqueConstraint("event_id"),
    )


def _make_deliveries() -> None:
    op.create_table(
        "webhook_endpoint",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("description", sa.String(200), nullable=False),
        sa.Column("kinds", sa.String(1000), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("previous_secret", sa.LargeBinary()),
        sa.Column("previous_until", sa.DateTime(timezone=True)),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("noticed_at", sa.DateTime(timezone=True)),
        sa.Column("created_by", sa.BigInteger()),
        _created(),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("endpoint_id", sa.BigInteger(), _on("webhook_endpoint.id"), nullable=False),
        sa.Column("event_id", sa.BigInteger(), sa.ForeignKey("business_event.id"), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True)),
        sa.Column("delivered_at", sa.DateTime(timezone=True)),
        sa.Column("replayed_by", sa.String(100), nullable=False),
        _created(),
    )
    op.create_index("webhook_delivery_endpoint", "webhook_delivery", ["endpoint_id", "id"])
    op.create_index("webhook_delivery_event", "webhook_delivery", ["event_id"])
    op.create_index("webhook_delivery_age", "webhook_delivery", ["created_at"])
    op.create_table(
        "webhook_attempt",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("delivery_id", sa.BigInteger(), _on("webhook_delivery.id"), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("request_headers", sa.JSON(), nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.Column("failure", sa.String(32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
    )
    op.create_index("webhook_attempt_delivery", "webhook_attempt", ["delivery_id"])


def _on(column: str) -> sa.ForeignKey:
    return sa.ForeignKey(column, ondelete="CASCADE")


def _created() -> sa.Column[Any]:
    return sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
