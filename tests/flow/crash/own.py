"""An installation with servers of its own, each of which can be killed like by a power cut and started again."""

import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from tests import stack
from tests.flow.crash.processes import Begun
from tests.flow.one_machine.machine import free_ports
from tests.numbers import new_uscc

from trilend.embedded.postgres import PostgresServer
from trilend.embedded.valkey import ValkeyServer
from trilend.storage.keys import new_master_key
from trilend.tenancy.bootstrap import prepare_cluster, prepare_database
from trilend.tenancy.migration.registry import migrate_registry

_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


@dataclass
class OwnInstallation:
    """Database, broker, and processes of the platform, in one folder."""

    folder: Path
    has_second: bool = False
    port: int = field(default_factory=free_ports)
    _processes: dict[str, Begun] = field(default_factory=dict)

    def begin(self) -> None:
        """Start database and broker, with an empty registry."""
        self.server = _new_server(self.folder / "postgresql")
        owner = _owner_url(self.server)
        migrate_registry(owner)
        self.valkey = ValkeyServer(self.folder / "valkey")
        self.valkey.start()
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("TRILEND_")} | {
            "TRILEND_DATABASE_URL": _login_url(self.server),
            "TRILEND_OWNER_DATABASE_URL": owner,
            "TRILEND_VALKEY_URL": self.valkey.url,
            "TRILEND_SECRET_KEY": "a secret for tests only",
            "TRILEND_MASTER_KEY": new_master_key(),
            "TRILEND_BASE_URL": f"http://localhost:{self.port}",
            "TRILEND_STORAGE_URL": (self.folder / "objects").as_uri(),
            "TRILEND_JOB_LEASE_SECONDS": "2",
            "TRILEND_JOB_SWEEP_SECONDS": "1",
            "TRILEND_DATABASE_CELLS": "2",
            "TRILEND_SPARES_PER_KIND": "1",
        }
        if self.has_second:
            self.second = _new_server(self.folder / "second")
            addresses = {"database_url": _login_url(self.second), "owner_database_url": _owner_url(self.second)}
            self.environment["TRILEND_SHARDS"] = json.dumps({"second": addresses})

    def end(self) -> None:
        """Kill what runs."""
        for process in self._processes.values():
            process.kill()
        self.valkey.stop()
        self.server.kill()
        if self.has_second:
            self.second.kill()

    def start(self, name: str) -> None:
        """Start `web`, `worker`, `beat`, `valkey`, the `database` or the `second` one, the last three again."""
        if name in ("database", "second"):
            server = self.server if name == "database" else self.second
            server.forget_former_run()
            server.start()
            return
        if name == "valkey":
            self.valkey.start()
            return
        options = ["--bind", f"127.0.0.1:{self.port}", "--workers", "1"] if name == "web" else []
        log = self.folder / f"{name}.log"
        self._processes[name] = Begun(name, *options, environment=self.environment, log=log)

    def kill(self, name: str) -> None:
        """Kill it without warning."""
        if name in ("database", "second"):
            (self.server if name == "database" else self.second).kill()
        elif name == "valkey":
            self.valkey.kill()
        else:
            self._processes[name].kill()

    def act(self, name: str, *arguments: str) -> Begun:
        """Begin an act of `tests.flow.crash.acts` in a process of this installation."""
        return Begun(
            f"tests.flow.crash.acts:{name}", *arguments, environment=self.environment, log=self.folder / "acts.log"
        )

    def trilend(self, *arguments: str, module: str = "trilend.cli", wait: bool = True) -> Any:
        """Run a command; what it answers in JSON, or the running process."""
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments, "--json"],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if not wait:
            return process
        out, complained = process.communicate()
        assert process.returncode == 0, complained + out
        return json.loads(out)

    def ask(self, statement: str, *, second: bool = False) -> list[Any]:
        """Look something up as superuser."""
        server = self.second if second else self.server
        with psycopg.connect(server.superuser_url()) as connection:
            return connection.execute(statement.encode()).fetchall()

    def is_up(self) -> bool:
        """Whether the pages are served."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=2).status_code == 200
        except httpx.HTTPError:
            return False

    def sign_up(self, kind: str) -> str | None:
        """Sign a company up; its address if that was acknowledged, None if a server was away meanwhile."""
        slug = f"chaos-{secrets.token_hex(4)}"
        entered = {
            "kind": kind,
            "company": "青山有限公司",
            "uscc": new_uscc(),
            "slug": slug,
            "admin_name": "王管理",
            "admin_username": "wang",
            "admin_email": f"{slug}@example.com",
            "password": "correct horse battery",
            "password_again": "correct horse battery",
        }
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{self.port}", headers={"Host": f"localhost:{self.port}"}, timeout=5
            ) as client:
                path = _post(client, "/signup", entered)
                if not path.endswith("/code"):
                    return None
                reached = _post(client, httpx.URL(path).path, {"code": self._code_of(slug)})
                return slug if reached.endswith("/progress") else None
        except (httpx.HTTPError, psycopg.Error):
            return None

    def _code_of(self, slug: str) -> str:
        # In the job as long as it has not left, in the outbox from then on.
        rows = self.ask(
            "SELECT payload->>'subject' FROM trilend.job WHERE name = 'messages.send'"
            f" AND payload->>'recipient' = '{slug}@example.com'"
            f" UNION ALL SELECT subject FROM trilend.outbox_message WHERE recipient = '{slug}@example.com'"
        )
        return str(rows[0][0])[-6:]


def _new_server(home: Path) -> PostgresServer:
    """Unlike in the other tests what is acknowledged has to outlive a kill."""
    home.mkdir(parents=True)
    server = PostgresServer(home, superuser_password=stack.SUPER_PASSWORD)
    server.start()
    prepare_cluster(
        server.superuser_url(), owner_password=stack.OWNER_PASSWORD, login_password=stack.LOGIN_PASSWORD, cells=2
    )
    prepare_database(server.superuser_url(), cells=2)
    return server


def _login_url(server: PostgresServer) -> str:
    return server.url("trilend_app", stack.LOGIN_PASSWORD, "postgres", "postgresql+psycopg")


def _owner_url(server: PostgresServer) -> str:
    return server.url("trilend_owner", stack.OWNER_PASSWORD, "postgres")


def wait_until(done: Callable[[], bool], seconds: float) -> None:
    """Wait until something is so; fails when it takes longer."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _post(client: httpx.Client, path: str, data: dict[str, str]) -> str:
    """Send a form; where the answer leads to."""
    token = _CSRF.search(client.get(path).text)
    if token is None:
        return ""
    return client.post(path, data=data | {"csrf_token": token[1]}).headers.get("location", "")
