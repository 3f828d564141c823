-- What the bank stores. Amounts are integer fen; instants RFC 3339 in UTC; dates ISO 8601.
CREATE TABLE IF NOT EXISTS account (
    number      TEXT PRIMARY KEY,
    holder      TEXT NOT NULL,
    bank_name   TEXT NOT NULL,
    internal    INTEGER NOT NULL DEFAULT 0,
    balance_fen INTEGER NOT NULL DEFAULT 0,
    opened_at   TEXT NOT NULL,
    CHECK (internal = 1 OR balance_fen >= 0)
) STRICT;

CREATE TABLE IF NOT EXISTS client (
    client_id  TEXT PRIMARY KEY,
    public_key TEXT NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS client_account (
    client_id TEXT NOT NULL REFERENCES client,
    account   TEXT NOT NULL REFERENCES account,
    PRIMARY KEY (client_id, account)
) STRICT;

CREATE TABLE IF NOT EXISTS nonce (
    client_id  TEXT NOT NULL,
    nonce      TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (client_id, nonce)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS nonce_by_expiry ON nonce (expires_at);

CREATE TABLE IF NOT EXISTS transfer (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    client_id       TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    reference       TEXT NOT NULL UNIQUE,
    payer           TEXT NOT NULL REFERENCES account,
    payee_holder    TEXT NOT NULL,
    payee_number    TEXT NOT NULL,
    payee_bank_name TEXT NOT NULL,
    amount_fen      INTEGER NOT NULL CHECK (amount_fen > 0),
    purpose         TEXT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN ('accepted', 'settled', 'rejected')),
    reason          TEXT NOT NULL DEFAULT '',
    created_at      TEXT NOT NULL,
    UNIQUE (client_id, idempotency_key)
) STRICT;
CREATE INDEX IF NOT EXISTS transfer_by_key ON transfer (idempotency_key);
CREATE INDEX IF NOT EXISTS transfer_waiting ON transfer (id) WHERE status = 'accepted';

-- AUTOINCREMENT: an entry's number is never given out twice, and writers queue, so numbers follow the order of commit.
CREATE TABLE IF NOT EXISTS entry (
    id                     INTEGER PRIMARY KEY AUTOINCREMENT,
    account                TEXT NOT NULL REFERENCES account,
    direction              TEXT NOT NULL CHECK (direction IN ('in', 'out')),
    amount_fen             INTEGER NOT NULL CHECK (amount_fen > 0),
    balance_fen            INTEGER NOT NULL,
    booked_on              TEXT NOT NULL,
    booked_at              TEXT NOT NULL,
    counterparty_holder    TEXT NOT NULL,
    counterparty_number    TEXT NOT NULL,
    counterparty_bank_name TEXT NOT NULL,
    remark                 TEXT NOT NULL,
    client_id              TEXT NOT NULL,
    idempotency_key        TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entry_by_account ON entry (account, id);
