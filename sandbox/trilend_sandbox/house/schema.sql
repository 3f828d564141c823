-- What every sandbox server stores beside its own tables.
CREATE TABLE IF NOT EXISTS fault (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    kind      TEXT NOT NULL,
    endpoint  TEXT NOT NULL DEFAULT '',
    seconds   REAL NOT NULL DEFAULT 0,
    remaining INTEGER NOT NULL CHECK (remaining > 0)
) STRICT;

CREATE TABLE IF NOT EXISTS setting (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
