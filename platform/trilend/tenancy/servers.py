"""The PostgreSQL servers tenants live on, and their cells: logins of their own, each member of its tenants alone."""

import hmac
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256

import psycopg
from sqlalchemy import Engine, make_url

from trilend.config import settings
from trilend.db.engine import open_engine

PRIMARY = "primary"
LOGIN = "trilend_app"


@dataclass(frozen=True)
class Server:
    """One server: its name in the registry's column `shard`, and how to reach it."""

    name: str
    login_url: str = field(repr=False)
    owner_url: str | None = field(repr=False)


def servers() -> Mapping[str, Server]:
    """All servers of this installation by name; the primary one holds the registry."""
    configured = settings()
    owner = configured.owner_database_url
    found = {
        PRIMARY: Server(
            PRIMARY, configured.database_url.get_secret_value(), owner.get_secret_value() if owner else None
        )
    }
    for name, addresses in configured.shards.items():
        found[name] = Server(
            name,
            addresses.database_url.get_secret_value(),
            addresses.owner_database_url.get_secret_value() if addresses.owner_database_url else None,
        )
    return found


def cell_login(cell: int) -> str:
    """The login role of a cell."""
    return f"trilend_cell_{cell:02d}"


def cell_password(login_password: str, cell: int) -> str:
    """The password of a cell's login: derived from the application's, so that one secret is kept and not seventeen."""
    return hmac.new(login_password.encode(), cell_login(cell).encode(), sha256).hexdigest()


def cells() -> range:
    """The numbers of all cells."""
    return range(settings().database_cells)


_engines: dict[tuple[str, int | None], Engine] = {}
_opening = threading.Lock()


def engine_of(shard: str, cell: int | None) -> Engine:
    """The engine of a cell's login on a server, or of the application's own login; its pool is opened once.

    Of no use before it is bound to a scope: it begins no transaction without one.
    """
    with _opening:
        found = _engines.get((shard, cell))
        if found is None:
            found = _engines[shard, cell] = _open(servers()[shard], cell)
        return found


def owner_connection(shard: str, *, autocommit: bool = False) -> psycopg.Connection[tuple[object, ...]]:
    """A connection of the login that owns schemas and makes roles; only workers and migrations may have it."""
    url = servers()[shard].owner_url
    if url is None:
        raise RuntimeError("this process has no owner database URL: only workers and migrations change schemas")
    return psycopg.connect(url.replace("postgresql+psycopg://", "postgresql://"), autocommit=autocommit)


@cache
def _cell_url(login_url: str, cell: int) -> str:
    url = make_url(login_url)
    password = cell_password(url.password or "", cell)
    return url.set(username=cell_login(cell), password=password).render_as_string(hide_password=False)


def _open(server: Server, cell: int | None) -> Engine:
    configured = settings()
    url = server.login_url if cell is None else _cell_url(server.login_url, cell)
    return open_engine(
        url,
        kept=configured.database_pool_kept,
        most=configured.database_pool_size,
        schemas=configured.database_schemas_per_connection,
        share=configured.database_connections_per_tenant,
        patience=configured.database_patience_seconds,
    )
