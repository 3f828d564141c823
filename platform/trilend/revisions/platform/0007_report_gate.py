"""the gate for SQL written by the tenant, and what reports may read"""

from alembic import op

from trilend.tenancy.blueprint import REPORTS_PLACEHOLDER, ROLE_PLACEHOLDER

revision = "0007"
down_revision = "0006"
excused = {"ban-revoke": "rights on what the step itself makes"}

_GATE = """
CREATE FUNCTION run_report(query text, parameters jsonb, most integer) RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path TO trilend_blueprint_role, pg_temp AS $$
DECLARE
  line text; counted integer := 0; bytes bigint := 0;
BEGIN
  FOR line IN EXECUTE 'SELECT row_to_json(x)::text FROM (' || chr(10) || query || chr(10) || ') AS x' USING parameters
  LOOP
    counted := counted + 1;
    bytes := bytes + octet_length(line);
    EXIT WHEN counted > most OR bytes > 33554432;
    RETURN NEXT line;
  END LOOP;
END $$"""


def upgrade() -> None:
    """Make the role that owns the gate, the gate, and the rights to columns that hold no secret."""
    op.execute(f"CREATE ROLE {REPORTS_PLACEHOLDER} NOLOGIN")
    op.execute(f"GRANT {REPORTS_PLACEHOLDER} TO CURRENT_USER WITH INHERIT FALSE, SET TRUE")
    op.execute(_GATE)
    op.execute("REVOKE ALL ON FUNCTION run_report(text, jsonb, integer) FROM PUBLIC, CURRENT_USER")
    op.execute(f"GRANT EXECUTE ON FUNCTION run_report(text, jsonb, integer) TO {ROLE_PLACEHOLDER}")
    op.execute(f"GRANT USAGE, CREATE ON SCHEMA {ROLE_PLACEHOLDER} TO {REPORTS_PLACEHOLDER}")
    op.execute(f"ALTER FUNCTION run_report(text, jsonb, integer) OWNER TO {REPORTS_PLACEHOLDER}")
    op.execute(f"REVOKE CREATE ON SCHEMA {ROLE_PLACEHOLDER} FROM {REPORTS_PLACEHOLDER}")
    op.execute(f"GRANT SELECT ON account, business_day, journal, journal_line, parameter TO {REPORTS_PLACEHOLDER}")
    for table, columns in (
        ("ab_user", "id, first_name, last_name, username, active"),
        ("party", "id, kind, name, identifier_doubtful, legal_representative, account_bank, created_at"),
        (
            "payment_instruction",
            "id, key, connection_id, subject_type, subject_id, amount, payee_holder, payee_bank, purpose, state, "
            "bank_reference, reason, sent_at, settled_at, created_at",
        ),
        (
            "statement_entry",
            "id, connection_id, entry_id, booked_on, direction, amount, balance, counterparty_holder, remark, "
            "idempotency_key, state, subject_type, subject_id, created_at",
        ),
    ):
        op.execute(f"GRANT SELECT ({columns}) ON {table} TO {REPORTS_PLACEHOLDER}")
