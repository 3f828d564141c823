"""What an operator of a sandbox may set: named texts in the database."""

import sqlite3


def read_setting(connection: sqlite3.Connection, name: str) -> str:
    """The value that was set, or empty."""
    row = connection.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
    return str(row["value"]) if row else ""


def write_setting(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Set a value."""
    connection.execute(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )
