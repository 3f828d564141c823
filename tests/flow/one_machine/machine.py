"""`trilend up` as a process of its own, watched from outside as the person at the terminal would."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

_CSRF = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def free_ports() -> int:
    """A port that is free together with the next one, which the sandbox bank takes."""
    for _ in range(100):
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return int(port)
    raise AssertionError("no two free ports")


@dataclass
class Machine:
    """One data folder and the `trilend up` that runs on it, if any; `prefix` is what the command begins with."""

    folder: Path
    port: int = field(default_factory=free_ports)
    prefix: tuple[str, ...] = ()
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process id of `trilend up`."""
        return self._running.pid

    def begin(self, *options: str) -> None:
        """Start, without waiting."""
        command = [*self.prefix, self.python, "-m", "trilend.cli", "up"]
        command += ["--port", str(self.port), "--data-dir", str(self.folder), *options]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TRILEND_")}
        with self._output("out").open("wb") as out, self._output("err").open("wb") as err:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=environment | dict(self.environment)
            )

    def start(self, *options: str, patience: float = 150.0) -> float:
        """Start, and wait until it says that it is ready; returns the seconds that took."""
        begun = time.monotonic()
        self.begin(*options)
        while "Ctrl-C stops everything" not in self.said:
            if self._running.poll() is not None or time.monotonic() - begun > patience:
                raise AssertionError(f"not ready: {self.said}{self.complained}{self.logs}")
            time.sleep(0.05)
        return time.monotonic() - begun

    def refusal(self, *options: str) -> str:
        """Start, expecting one sentence on standard error, exit code 2 and no process left; returns the sentence."""
        self.begin(*options)
        code = self.wait()
        assert (code, self.complained.count("\n")) == (2, 1), self.said + self.complained
        assert self.complained.startswith("trilend: ")
        assert self.complained.endswith(".\n")
        assert "Traceback" not in self.said
        assert self.processes() == []
        return self.complained.removeprefix("trilend: ").rstrip("\n")

    def wait(self, patience: float = 90.0) -> int:
        """Wait until `trilend up` has ended by itself; returns the exit code."""
        return self._running.wait(patience)

    def end(self, how: signal.Signals = signal.SIGTERM, *, patience: float = 20.0) -> int:
        """Send a signal; `trilend up` and all its children must be gone in time. Returns the exit code."""
        deadline = time.monotonic() + patience
        self._running.send_signal(how)
        code = self._running.wait(patience)
        while left := self.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        return code

    def clean_up(self) -> None:
        """End what a failed test has left."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    @property
    def said(self) -> str:
        """Standard output."""
        return self._output("out").read_text(encoding="utf-8")

    @property
    def complained(self) -> str:
        """Standard error."""
        return self._output("err").read_text(encoding="utf-8")

    @property
    def logs(self) -> str:
        """The ends of the children's logs."""
        files = sorted(self.folder.glob("**/*.log")) if self.folder.is_dir() else []
        return "".join(f"\n== {file.name}\n{file.read_text(errors='replace')[-1500:]}" for file in files)

    def processes(self) -> list[str]:
        """Every process of this installation, found by its folder in command line, environment or working folder."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid() and self._is_ours(entry):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(f"{entry.name} {command}")
        return found

    def process_named(self, name: str) -> int:
        """The process id of a child by a part of its command line."""
        return next(int(found.split()[0]) for found in self.processes() if name in found)

    def _is_ours(self, process: Path) -> bool:
        mark = str(self.folder).encode()
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            ended = (process / "stat").read_text().rpartition(")")[2].split()[0] in "ZX"
            return not ended and (mark in told or mark in os.fsencode(os.readlink(process / "cwd")))
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            return False

    def _output(self, name: str) -> Path:
        base = self.output or self.folder
        return base.with_name(f"{base.name}.{name}")

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process


def machine_in(run_folder: Path, home: Path | None = None, **options: Any) -> Machine:
    """A machine with a folder of its own in the folder of the run, empty or a copy."""
    place = Path(tempfile.mkdtemp(prefix="machine-", dir=run_folder))
    place.chmod(0o755)
    folder = place / "home"
    if home is not None:
        copy(home, folder)
    return Machine(folder, **options)


def copy(home: Path, target: Path) -> Path:
    """A copy of a data folder with owners and rights."""
    subprocess.run(["cp", "-a", str(home), str(target)], check=True)
    return target


def browser(url: str) -> httpx.Client:
    """A client for one address, whose host name need not be known to the system."""
    parts = httpx.URL(url)
    return httpx.Client(
        base_url=f"http://127.0.0.1:{parts.port}",
        headers={"Host": f"{parts.host}:{parts.port}"},
        trust_env=False,
        timeout=30,
    )


def sign_in(client: httpx.Client, username: str, password: str) -> httpx.Response:
    """Fill in the sign-in page; returns the answer, redirects not followed."""
    page = client.get("/login/")
    assert page.status_code == 200
    token = _CSRF.search(page.text)
    assert token is not None
    # The cookie jar does not know the host name that is only in the header.
    cookies = "; ".join(f"{name}={value}" for name, value in page.cookies.items())
    values = {"username": username, "password": password, "csrf_token": token[1]}
    return client.post("/login/", data=values, headers={"Cookie": cookies})


def ordinary_python(folder: Path) -> str:
    """A Python that any account may run, with what is installed here: this one, or a copy of it in `folder`."""
    if all(path.stat().st_mode & 0o001 for path in (*Path(sys.base_prefix).resolve().parents, Path(sys.base_prefix))):
        return sys.executable
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    library, left_out = (
        folder / "lib" / version,
        ("site-packages", "dist-packages", "test", "idlelib", "__pycache__", "config-*"),
    )
    shutil.copytree(Path(sys.base_prefix) / "lib" / version, library, ignore=shutil.ignore_patterns(*left_out))
    (folder / "bin").mkdir()
    shutil.copy2(Path(sys.base_prefix) / "bin" / version, folder / "bin" / version)
    for shared in (Path(sys.base_prefix) / "lib").glob("libpython*.so*"):
        shutil.copy2(shared, folder / "lib" / shared.name)
    installed = [path for path in sys.path if path.endswith(("site-packages", "dist-packages"))]
    lines = "".join(f"site.addsitedir({path!r})\n" for path in installed)
    (library / "sitecustomize.py").write_text(f"import site\n{lines}")
    return str(folder / "bin" / version)


def kept(machine: Machine) -> dict[str, Any]:
    """What must not change from one start to the next: password hashes, programs, loans, and the banks' addresses."""
    settings = dict(line.split("=", 1) for line in (machine.folder / "environment").read_text().splitlines())
    with psycopg.connect(settings["TRILEND_OWNER_DATABASE_URL"]) as connection:
        # One moment for all that is read: spares are made meanwhile.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ

        def read(statement: str) -> list[Any]:
            return [row[0] for row in connection.execute(statement.encode())]

        schemas = {kind: f"t_{name}" for kind, name in connection.execute("SELECT kind, id FROM trilend.tenant")}
        every = schemas.values()
        return {
            "operators": read("SELECT password_hash FROM trilend.operator ORDER BY id"),
            "passwords": [read(f"SELECT password FROM {name}.ab_user ORDER BY id") for name in every],
            "programs": [read(f"SELECT secret_hash FROM {name}.api_client ORDER BY id") for name in every],
            "loans": read(f"SELECT count(*) FROM {schemas['microfinance']}.loan")[0],
            "states": read(f"SELECT state FROM {schemas['microfinance']}.loan ORDER BY number"),
            "paid_out": read(f"SELECT id FROM {schemas['microfinance']}.loan WHERE state = 'active'"),
            "ids": sorted(every),
            "spares": read("SELECT 't_' || id FROM trilend.spare ORDER BY 1"),
            "schemas": read("SELECT nspname FROM pg_namespace WHERE nspname ~ '^t_' ORDER BY 1"),
            "roles": read("SELECT rolname FROM pg_roles WHERE rolname ~ '^t_' ORDER BY 1"),
            "banks": [
                url
                for name in every
                for url in read(f"SELECT config->>'base_url' FROM {name}.connection WHERE topic = 'bank'")
            ],
            "bank_states": [
                state for name in every for state in read(f"SELECT state FROM {name}.connection WHERE topic = 'bank'")
            ],
        }
