"""What a sandbox server declares of itself, so that the shared room can start, guard and show it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from trilend_sandbox.house.database import Database
from trilend_sandbox.house.faults import Offered


@dataclass(frozen=True)
class Sandbox:
    """A server: `name` is its package and database, `title` how it calls itself in messages and certificates.

    `schema` is the file of its own tables; `build` makes the application from books and data folder, raising
    `ValueError` for a broken file there.
    """

    name: str
    title: str
    default_port: int
    schema: Path
    faults: Offered
    build: Callable[[Database, Path], Flask]
