"""What an operator of the sandbox may set: the booking date, and whether transfers settle at once."""

import sqlite3
from datetime import date
from enum import StrEnum

from trilend_sandbox.house.clock import today_in_china
from trilend_sandbox.house.settings import read_setting, write_setting


class Settlement(StrEnum):
    """When a transfer is carried out: with the request, or when the operator says so."""

    IMMEDIATE = "immediate"
    MANUAL = "manual"


def book_date(connection: sqlite3.Connection) -> date:
    """The date new entries are booked on: the one set, or today in China."""
    value = read_setting(connection, "book_date")
    return date.fromisoformat(value) if value else today_in_china()


def fixed_book_date(connection: sqlite3.Connection) -> date | None:
    """The booking date that was set, if one was."""
    value = read_setting(connection, "book_date")
    return date.fromisoformat(value) if value else None


def set_book_date(connection: sqlite3.Connection, value: date | None) -> None:
    """Book new entries on this date; `None` follows the calendar again."""
    write_setting(connection, "book_date", value.isoformat() if value else "")


def settlement(connection: sqlite3.Connection) -> Settlement:
    """When transfers are carried out."""
    return Settlement(read_setting(connection, "settlement") or Settlement.IMMEDIATE)


def set_settlement(connection: sqlite3.Connection, value: Settlement) -> None:
    """Choose when transfers are carried out."""
    write_setting(connection, "settlement", value.value)
