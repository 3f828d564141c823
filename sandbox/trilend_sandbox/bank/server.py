"""The sandbox bank as the shared room starts it."""

from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from trilend_sandbox.bank.accounts import ensure_internal_accounts
from trilend_sandbox.bank.app import create_app
from trilend_sandbox.bank.texts import FAULTS
from trilend_sandbox.house.credentials import signing_key
from trilend_sandbox.house.database import Database
from trilend_sandbox.house.sandbox import Sandbox
from trilend_sandbox.house.server import run


def build(database: Database, folder: Path) -> Flask:
    """The bank's application, its internal accounts opened and its key made."""
    key = signing_key(folder, "bank")
    with database.writing() as connection:
        ensure_internal_accounts(connection)
    return create_app(database, key)


SANDBOX = Sandbox("bank", "Sandbox bank", 8801, Path(__file__).with_name("schema.sql"), FAULTS, build)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sandbox bank until SIGTERM or SIGINT; the exit code is 2 when it cannot start."""
    return run(SANDBOX, arguments)
