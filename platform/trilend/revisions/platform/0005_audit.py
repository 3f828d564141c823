"""a chain through the audit log"""

import sqlalchemy as sa
from alembic import op

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

revision = "0005"
down_revision = "0004"
excused = {
    "adding-field-with-default": "one company's log is written anew; the step reads all of it anyway, to chain it",
    "ban-revoke": "the columns that the release before fills may still be filled",
}

_APPEND_ONLY = (
    "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {} "
    "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
)


def upgrade() -> None:
    """Chain the lines there are in the order of their ids, and every later one when its transaction commits."""
    op.add_column("audit_entry", sa.Column("changes", sa.JSON(), server_default="{}", nullable=False))
    # Stable within the migration's transaction, so that the rows there are need not be written anew.
    number = sa.text("(CAST(CAST(pg_current_xact_id() AS text) AS bigint))")
    op.add_column("audit_entry", sa.Column("transaction_id", sa.BigInteger(), server_default=number, nullable=False))
    op.create_index("audit_entry_time", "audit_entry", ["created_at", "id"])
    op.create_index("audit_entry_actor", "audit_entry", ["actor", "created_at", "id"])
    op.create_index("audit_entry_act", "audit_entry", ["act", "created_at", "id"])
    _create_tables()
    for table in ("audit_link", "audit_anchor", "audit_check"):
        op.execute(_APPEND_ONLY.format(table))
    for rule in (_CHAIN_SO_FAR, _LINK, _AT_COMMIT, *_RIGHTS):
        op.execute(sa.text(rule.replace(":", r"\:")))


def _create_tables() -> None:
    op.create_table(
        "audit_link",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.UniqueConstraint("entry_id"),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "audit_anchor",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("method", sa.String(16), nullable=False),
        sa.Column("signer", sa.String(300), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("number", "method"),
    )
    op.create_table(
        "audit_check",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("from_number", sa.BigInteger(), nullable=False),
        sa.Column("to_number", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.String(16), nullable=False),
        sa.Column("problem_number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )


_CONTENT = """json_build_array(1, entry.id,
    to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.transaction_id,
    entry.actor_id, entry.actor, entry.act, entry.subject_type, entry.subject_id, entry.reason, entry.changes,
    entry.details)::text"""

_CHAIN_SO_FAR = f"""
DO $$
DECLARE
  last_hash bytea := decode(repeat('00', 32), 'hex');
  line record;
  place bigint := 0;
BEGIN
  FOR line IN
    SELECT entry.id, convert_to({_CONTENT}, 'UTF8') AS content FROM audit_entry AS entry ORDER BY entry.id
  LOOP
    last_hash := sha256(last_hash || line.content);
    place := place + 1;
    INSERT INTO audit_link (number, entry_id, hash) VALUES (place, line.id, last_hash);
  END LOOP;
  INSERT INTO audit_head (id, number, hash) VALUES (1, place, last_hash);
END $$"""

_LINK = f"""
CREATE FUNCTION link_audit_entries() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path TO {ROLE_PLACEHOLDER}, pg_temp SET enable_seqscan TO off AS $$
DECLARE
  last_number bigint;
  last_hash bytea;
  line record;
  ids bigint[] := '{{}}';
  hashes bytea[] := '{{}}';
BEGIN
  PERFORM FROM audit_link WHERE entry_id = NEW.id;
  IF FOUND THEN
    RETURN NULL;
  END IF;
  SELECT number, hash INTO STRICT last_number, last_hash FROM audit_head WHERE id = 1 FOR UPDATE;
  FOR line IN
    SELECT entry.id, convert_to({_CONTENT}, 'UTF8') AS content
    FROM audit_entry AS entry
    WHERE entry.id >= NEW.id AND entry.transaction_id = NEW.transaction_id
      AND NOT EXISTS (SELECT FROM audit_link WHERE entry_id = entry.id)
    ORDER BY entry.id
  LOOP
    last_hash := sha256(last_hash || line.content);
    ids := array_append(ids, line.id);
    hashes := array_append(hashes, last_hash);
  END LOOP;
  INSERT INTO audit_link (number, entry_id, hash)
  SELECT last_number + place, id, hash FROM unnest(ids, hashes) WITH ORDINALITY AS linked (id, hash, place);
  UPDATE audit_head SET number = last_number + cardinality(ids), hash = last_hash WHERE id = 1;
  RETURN NULL;
END $$"""

_AT_COMMIT = (
    "CREATE CONSTRAINT TRIGGER link_at_commit AFTER INSERT ON audit_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
    "WHEN (NEW.transaction_id = pg_current_xact_id()::text::bigint) EXECUTE FUNCTION link_audit_entries()"
)

_RIGHTS = (
    f"REVOKE INSERT ON audit_entry FROM {ROLE_PLACEHOLDER}",
    "GRANT INSERT (actor_id, actor, act, subject_type, subject_id, reason, details, changes) "
    f"ON audit_entry TO {ROLE_PLACEHOLDER}",
    f"GRANT SELECT ON audit_link, audit_head TO {ROLE_PLACEHOLDER}",
    f"GRANT SELECT, INSERT ON audit_anchor, audit_check TO {ROLE_PLACEHOLDER}",
)
