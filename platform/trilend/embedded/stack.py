"""Runs the whole platform on one machine: starts in order, restarts what dies, stops in order."""

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import psycopg
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from trilend.embedded import logs
from trilend.embedded.children import Children
from trilend.embedded.errors import CannotStart, from_database, from_system
from trilend.embedded.home import Home, write_private
from trilend.embedded.postgres import PostgresServer
from trilend.embedded.process import spawn, stop
from trilend.embedded.valkey import ValkeyServer

_DATABASE = "trilend"
_PATIENCE = 60.0
_SECONDS_TO_END = 8.0


class Stack:
    """One installation on one data folder; `run` blocks until a signal ends it."""

    def __init__(self, data_dir: Path, *, port: int, demo: bool, say: Callable[[str], None]) -> None:
        self._folder = data_dir
        self._home = Home(data_dir)
        self._port = port
        self._demo = demo
        self._say = say
        self._postgres: PostgresServer | None = None
        self._valkey: ValkeyServer | None = None
        self._children: Children | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Start everything, tell the addresses, and keep it running; raises `CannotStart`."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: self._ended.set())
        try:
            self._run()
        except CannotStart:
            # Whoever ends a service may end its children at the same moment: that is no failure.
            if not self._ended.is_set():
                raise
        except OSError as error:
            raise from_system(error, self._folder) from error
        except (psycopg.Error, SQLAlchemyError) as error:
            raise from_database(error, self._folder) from error
        finally:
            self._stop()

    @property
    def base_url(self) -> str:
        """Address of the public site."""
        return f"http://localhost:{self._port}"

    def _run(self) -> None:
        begun = time.monotonic()
        self._home.take(self._ended)
        for port in (self._port, self._bank_port):
            _require_free(port)
        kept = self._home.secrets()
        self._say("Starting database and broker …")
        postgres, valkey = self._start_servers(kept)
        if self._ended.is_set():
            return
        children = self._launch(kept, postgres)
        if self._demo:
            self._look_after_demo()
        if not self._ended.is_set():
            self._tell(time.monotonic() - begun, kept)
        while not self._ended.wait(1.0):
            children.revive()
            self._revive_servers(postgres, valkey)

    @property
    def _bank_port(self) -> int:
        return self._port + 1

    def _start_servers(self, kept: dict[str, str]) -> tuple[PostgresServer, ValkeyServer]:
        shared = self._home.shared_lock
        self._trim_logs()
        self._postgres = PostgresServer(
            self._folder / "postgresql", superuser_password=kept["superuser"], keep_open=shared
        )
        self._postgres.forget_former_run()
        self._postgres.begin()
        self._valkey = ValkeyServer(self._folder / "valkey", keep_open=shared)
        self._valkey.start()
        os.environ.update(self._environment(kept, self._postgres, self._valkey))
        return self._postgres, self._valkey

    def _revive_servers(self, postgres: PostgresServer, valkey: ValkeyServer) -> None:
        if not postgres.running and not self._ended.is_set():
            self._say("The database ended and is started again.")
            postgres.start()
        if not valkey.running and not self._ended.is_set():
            self._say("The broker ended and is started again.")
            valkey.start()
        self._trim_logs()

    def _trim_logs(self) -> None:
        for server in ("postgresql", "valkey"):
            logs.trim(self._folder / server / f"{server}.log")

    def _environment(self, kept: dict[str, str], postgres: PostgresServer, valkey: ValkeyServer) -> dict[str, str]:
        values = {
            "TRILEND_DATABASE_URL": postgres.url("trilend_app", kept["login"], _DATABASE, "postgresql+psycopg"),
            "TRILEND_OWNER_DATABASE_URL": postgres.url("trilend_owner", kept["owner"], _DATABASE),
            "TRILEND_VALKEY_URL": valkey.url,
            "TRILEND_SECRET_KEY": kept["secret_key"],
            "TRILEND_MASTER_KEY": kept["master_key"],
            "TRILEND_BASE_URL": self.base_url,
            "TRILEND_STORAGE_URL": (self._folder / "objects").as_uri(),
            "TRILEND_OUTBOX_PAGE": "true",
            "TRILEND_ALLOW_LOOPBACK_EGRESS": "true",
            "TRILEND_JOB_LEASE_SECONDS": os.environ.get("TRILEND_JOB_LEASE_SECONDS", "30"),
            "TRILEND_JOB_SWEEP_SECONDS": os.environ.get("TRILEND_JOB_SWEEP_SECONDS", "5"),
            "TRILEND_JOB_GRACE_SECONDS": os.environ.get("TRILEND_JOB_GRACE_SECONDS", str(_SECONDS_TO_END - 3)),
        }
        write_private(self._folder / "environment", "".join(f"{name}={value}\n" for name, value in values.items()))
        return values

    def _prepare_database(self, kept: dict[str, str], postgres: PostgresServer) -> None:
        from trilend.config import settings
        from trilend.console.service import add_operator
        from trilend.tenancy.bootstrap import prepare_cluster, prepare_database
        from trilend.tenancy.context import RegistrySession
        from trilend.tenancy.migration.fleet import migrate_fleet
        from trilend.tenancy.migration.registry import migrate_registry
        from trilend.tenancy.models import Operator

        cells = settings().database_cells
        prepare_cluster(
            postgres.superuser_url(), owner_password=kept["owner"], login_password=kept["login"], cells=cells
        )
        with psycopg.connect(postgres.superuser_url(), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
            if not known:
                connection.execute(f"CREATE DATABASE {_DATABASE}")
        prepare_database(postgres.superuser_url(_DATABASE), cells=cells)
        migrate_registry(postgres.url("trilend_owner", kept["owner"], _DATABASE))
        migrate_fleet()
        with RegistrySession() as session:
            # One that is there keeps the password that was chosen in the meantime.
            if session.scalar(select(Operator.id).where(Operator.username == "operator")) is None:
                add_operator(session, username="operator", name="平台运营", password=kept["console"])
                session.commit()

    def _launch(self, kept: dict[str, str], postgres: PostgresServer) -> Children:
        """Start our own processes. Reading their code takes longest: web reads it while the database is prepared."""
        from trilend.wiring import load

        children = self._children = Children(self._folder, self._say, self._home.shared_lock)
        bank = ["--port", str(self._bank_port), "--data-dir", str(self._folder / "bank")]
        children.launch("bank", ["-m", "trilend_sandbox.bank", *bank])
        command = ["-m", "trilend.cli"]
        bind, grace = f"127.0.0.1:{self._port}", str(int(_SECONDS_TO_END) - 3)
        web = [*command, "web", "--bind", bind, "--workers", "1", "--threads", "12", "--grace", grace]
        closed, opening = os.pipe()
        try:
            children.launch("web", web, death_signal=signal.SIGQUIT, gate=closed)
            load()
            postgres.wait()
            self._prepare_database(kept, postgres)
        finally:
            os.close(closed)
            os.close(opening)
        self._wait_for_web(children)
        # Jobs bear a crash anywhere, so nobody has to wait for one that runs when we are gone.
        children.launch("worker", [*command, "worker"], death_signal=signal.SIGKILL)
        children.launch("beat", [*command, "beat"], death_signal=signal.SIGKILL)
        return children

    def _wait_for_web(self, children: Children) -> None:
        deadline = time.monotonic() + _PATIENCE
        # A proxy of the environment is not asked for what is on this machine.
        opener = build_opener(ProxyHandler({}))
        while not self._ended.is_set():
            children.require_all()
            try:
                with opener.open(f"{self.base_url}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return
            except (URLError, OSError):
                pass
            if time.monotonic() > deadline:
                raise CannotStart(f"The web pages did not come up; read {self._folder / 'web.log'} and start again.")
            time.sleep(0.1)

    def _look_after_demo(self) -> None:
        from trilend.embedded.demo import is_complete

        if self._ended.is_set() or is_complete(self._folder):
            return
        self._say("Looking after the demo companies …")
        log = self._folder / "demo.log"
        said_before = logs.length(log)
        arguments = [sys.executable, "-m", "trilend.cli", "--data-dir", str(self._folder), "demo"]
        process = spawn(arguments, log=log, keep_open=self._home.shared_lock)
        while process.poll() is None:
            if self._ended.wait(0.1):
                stop(process)
                return
        if process.returncode:
            why = logs.reason(log, said_before)
            raise CannotStart(
                f"The demo companies could not be made ({why}); mend that and start again, {log} says more."
            )

    def _tell(self, seconds: float, kept: dict[str, str]) -> None:
        from trilend.embedded.demo import read_demo

        found = read_demo(self._folder)
        bank = f"https://127.0.0.1:{self._bank_port}   (certificate: {self._folder / 'bank' / 'ca.pem'})"
        lines = [
            "",
            f"Trilend is ready ({seconds:.0f} s).",
            f"  Public site and sign-up   {self.base_url}",
            f"  Mail and short messages   {self.base_url}/outbox",
            f"  Operators' console        http://console.localhost:{self._port}   operator / {kept['console']}",
            f"  Sandbox bank              {bank}",
        ]
        lines += [
            f"  Demo {tenant['kind']:<20} {tenant['url']}   {tenant['username']} / {tenant['password']}"
            for tenant in found.get("tenants", [])
        ]
        if found:
            lines.append("  Demo staff of the microfinance company: officer, approver, cashier (same password)")
        lines.append(f"Ctrl-C stops everything; the data stay in {self._folder}")
        self._say("\n".join(lines))

    def _stop(self) -> None:
        if self._children is not None:
            self._children.stop(("beat", "worker", "web"), patience=_SECONDS_TO_END)
            self._children.stop(("bank",), patience=3.0)
        if self._valkey is not None:
            self._valkey.stop()
        if self._postgres is not None:
            self._postgres.stop()
        self._home.release()


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EACCES:
                raise CannotStart(f"Port {port} needs more rights; choose one above 1023 with --port.") from error
            raise CannotStart(
                f"Port {port} is taken by another program; stop that one, or choose another port with --port."
            ) from error
