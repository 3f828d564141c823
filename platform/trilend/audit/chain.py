"""The chain through a tenant's audit log: what is hashed, and the rules by which the database links lines at commit.

hash of line n = SHA-256(hash of line n - 1, then the content of line n in UTF-8). The content is one JSON array, as the
database writes it. Line 1 follows upon 32 zero bytes.
"""

from trilend.tenancy.blueprint import ROLE_PLACEHOLDER

GENESIS = bytes(32)

WRITABLE = ("actor_id", "actor", "act", "subject_type", "subject_id", "reason", "details", "changes")
"""The columns of a line that a tenant's role fills; number, time and transaction are the database's."""

CONTENT_FIELDS = (
    "form",
    "id",
    "created_at",
    "transaction_id",
    "actor_id",
    "actor",
    "act",
    "subject_type",
    "subject_id",
    "reason",
    "changes",
    "details",
)
"""What the array holds, in this order; `form` is 1."""

# A changed expression would belie every hash there is: another content is another form, with a number of its own.
CONTENT = """json_build_array(1, entry.id,
    to_char(entry.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), entry.transaction_id,
    entry.actor_id, entry.actor, entry.act, entry.subject_type, entry.subject_id, entry.reason, entry.changes,
    entry.details)::text"""

# The first call in a transaction links all its lines; the calls for the other lines find theirs linked. Planned while
# the tables are small, a sequential scan would stay in the session's plans when they have grown: hence no such scans.
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
    SELECT entry.id, convert_to({CONTENT}, 'UTF8') AS content
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

# Lines that are carried in with their links bear the number of another transaction.
_AT_COMMIT = (
    "CREATE CONSTRAINT TRIGGER link_at_commit AFTER INSERT ON audit_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
    "WHEN (NEW.transaction_id = pg_current_xact_id()::text::bigint) EXECUTE FUNCTION link_audit_entries()"
)

RULES = (_LINK, _AT_COMMIT)
