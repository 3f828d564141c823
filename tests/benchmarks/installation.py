"""An installation for benchmarks: a server, a database, settings of this process, and tenants by the thousand."""

import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from tests import stack
from tests.numbers import new_uscc

from trilend.embedded.postgres import PostgresServer
from trilend.embedded.valkey import ValkeyServer
from trilend.storage.keys import new_master_key
from trilend.tenancy.bootstrap import prepare_cluster, prepare_database
from trilend.tenancy.migration.registry import migrate_registry

Row = dict[str, object]
CELLS = 16
FLEET = int(os.environ.get("TRILEND_BENCH_TENANTS", "3000"))
PASSWORD = "correct horse battery"
_KIND = "broker"
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "200"}
_SETTINGS = _QUICK | {"max_wal_size": "8GB", "shared_buffers": "512MB"}


@dataclass
class Bench:
    """Where benchmarks run: the server, its database, and the fleet that was made in it so far."""

    folder: Path
    server: PostgresServer
    database: stack.Database
    valkey: ValkeyServer
    fleet: list[str] = field(default_factory=list)

    def grow_fleet(self, count: int) -> Sequence[str]:
        """Ids of so many tenants, those that are missing made by two connections."""
        from werkzeug.security import generate_password_hash

        from trilend.tenancy.blueprint import blueprint_of
        from trilend.tenancy.migration.steps import targets

        blueprint, revision = blueprint_of(_KIND), targets()[_KIND]
        # A hash that is quick to check: what a password costs is not measured here.
        hashed = generate_password_hash(PASSWORD, method="pbkdf2:sha256:1")
        missing = range(len(self.fleet), count)
        with ThreadPoolExecutor(2) as pool:
            # A backend keeps the catalog of all that it has made: each is given a hundred.
            portions = [missing[start : start + 100] for start in range(0, len(missing), 100)]
            list(pool.map(lambda portion: self._make(portion, blueprint, revision, hashed), portions))
        self.fleet += [f"bench{number}" for number in missing]
        return self.fleet[:count]

    def _make(self, numbers: Sequence[int], blueprint: Any, revision: str, hashed: str) -> None:
        from trilend.storage.keys import new_wrapped_key
        from trilend.tenancy.provisioning import FirstAdministrator, _hand_over, make_space

        person = FirstAdministrator("admin", "甲", "a@example.com", hashed)
        with psycopg.connect(self.database.owner_url) as owner:
            for number in numbers:
                name, cell = f"bench{number}", number % CELLS
                make_space(owner, f"t_{name}", cell, blueprint)
                _hand_over(owner, f"t_{name}", blueprint, person)
                owner.execute(
                    """
                    INSERT INTO trilend.tenant (id, slug, look, kind, name, uscc, state, revision, shard, cell, plan,
                                                wrapped_key)
                    VALUES (%s, %s, %s, %s, '基准', %s, 'trial', %s, 'primary', %s, 'trial', %s)
                    """,
                    (name, name, name, _KIND, f"{number:018}", revision, cell, new_wrapped_key()),
                )
                owner.commit()


@contextmanager
def bench_installation() -> Iterator[Bench]:
    """Start server and broker, and set this process up for them."""
    from trilend.wiring import load

    load()
    folder = Path(tempfile.mkdtemp(prefix="trilend-bench-"))
    folder.chmod(0o755)
    (folder / "postgresql").mkdir()
    server = PostgresServer(folder / "postgresql", superuser_password=stack.SUPER_PASSWORD, extra_settings=_SETTINGS)
    valkey = ValkeyServer(folder / "valkey")
    try:
        server.start()
        valkey.start()
        bench = Bench(folder, server, _database(server), valkey)
        os.environ |= _environment(bench)
        yield bench
    finally:
        valkey.stop()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _database(server: PostgresServer) -> stack.Database:
    prepare_cluster(
        server.superuser_url(), owner_password=stack.OWNER_PASSWORD, login_password=stack.LOGIN_PASSWORD, cells=CELLS
    )
    prepare_database(server.superuser_url(), cells=CELLS)
    database = stack.Database(
        server.superuser_url(),
        server.url("trilend_owner", stack.OWNER_PASSWORD, "postgres"),
        server.url("trilend_app", stack.LOGIN_PASSWORD, "postgres", "postgresql+psycopg"),
    )
    migrate_registry(database.owner_url)
    return database


def _environment(bench: Bench) -> dict[str, str]:
    return {
        "TRILEND_DATABASE_URL": bench.database.login_url,
        "TRILEND_OWNER_DATABASE_URL": bench.database.owner_url,
        "TRILEND_VALKEY_URL": bench.valkey.url,
        "TRILEND_SECRET_KEY": "bench",
        "TRILEND_MASTER_KEY": new_master_key(),
        "TRILEND_BASE_URL": "http://localhost:8000",
        "TRILEND_STORAGE_URL": (bench.folder / "objects").as_uri(),
        "TRILEND_DATABASE_CELLS": str(CELLS),
        "TRILEND_SPARES_PER_KIND": "0",
    }


def seconds(act: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def median_seconds(act: Callable[[], object], rounds: int) -> float:
    """Median duration of one call."""
    return median(seconds(act) for _ in range(rounds))


def new_tenant(kind: str, *, shard: str = "") -> Any:
    """A tenant of its own."""
    from trilend.signup.making import make_tenant

    return make_tenant(
        slug=f"b{secrets.token_hex(5)}",
        kind=kind,
        name="基准",
        uscc=new_uscc(),
        admin="admin",
        email="a@example.com",
        password=PASSWORD,
        shard=shard,
    )


def registered(kind: str) -> str:
    """Id of a tenant that is registered and not provisioned."""
    from trilend.storage.keys import new_wrapped_key
    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.service import register_tenant

    with RegistrySession() as session:
        made = register_tenant(
            session,
            slug=f"b{secrets.token_hex(5)}",
            kind=kind,
            name="基准",
            uscc=new_uscc(),
            wrapped_key=new_wrapped_key(),
        )
        session.commit()
        return made.id
