"""What keeps a machine from starting is told in one sentence that says what to do."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.flow.one_machine.machine import Machine, copy

pytestmark = pytest.mark.slow


@pytest.fixture
def small_disk(run_folder: Path) -> Iterator[Path]:
    """A disk of 400 MB; where nobody may mount one, a folder whose files may not grow (see `on_small_disk`)."""
    place = run_folder / f"disk-{time.monotonic_ns()}"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", str(place)], check=False)
    yield place
    if mounted.returncode == 0:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.mark.parametrize(("which", "offset"), [("web pages", 0), ("sandbox bank", 1)])
def test_taken_port(new_machine: Any, which: str, offset: int) -> None:
    machine = new_machine()
    with socket.create_server(("127.0.0.1", machine.port + offset)):
        assert machine.refusal() == (
            f"Port {machine.port + offset} is taken by another program; stop that one, or choose another port with --port."
        )
    assert not (machine.folder / "secrets.json").exists()


def test_folder_in_use_by_another(new_machine: Any, bare_home: Path) -> None:
    machine = new_machine(bare_home)
    machine.start()
    second = Machine(machine.folder, output=machine.folder.with_name("second"))

    second.begin()

    assert second.wait() == 2
    assert second.complained == (
        f"trilend: Trilend already runs on {machine.folder} (process {machine.pid}); stop it first, or choose another "
        "--data-dir.\n"
    )
    assert machine.end() == 0


@pytest.mark.parametrize("content", ["garbage", "", '{"superuser": 1}'])
def test_damaged_secrets(new_machine: Any, bare_home: Path, content: str) -> None:
    machine = new_machine(bare_home)
    (machine.folder / "secrets.json").write_text(content)

    assert machine.refusal() == (
        f"{machine.folder}/secrets.json is damaged and without it nothing can be decrypted; restore it from a backup, "
        f"or move {machine.folder} away to begin anew."
    )
    assert (machine.folder / "secrets.json").read_text() == content


def test_lost_secrets(new_machine: Any, bare_home: Path) -> None:
    machine = new_machine(bare_home)
    (machine.folder / "secrets.json").unlink()

    told = machine.refusal()

    assert told.startswith(f"{machine.folder}/secrets.json is missing and without it the data in ")
    assert told.endswith(f"and {machine.folder} away to begin anew.")
    assert not (machine.folder / "secrets.json").exists()


def test_secrets_of_another_installation(new_machine: Any, bare_home: Path) -> None:
    machine = new_machine(bare_home)
    file = machine.folder / "secrets.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"superuser": "another"}))

    assert machine.refusal().startswith(f"The database in {machine.folder}/postgresql/data was made with another ")


@pytest.mark.parametrize("damage", ["wrong version", "no version", "short control file", "no control file"])
def test_damaged_database(new_machine: Any, bare_home: Path, damage: str) -> None:
    machine = new_machine(bare_home)
    data = machine.folder / "postgresql" / "data"
    match damage:
        case "wrong version":
            (data / "PG_VERSION").write_text("nonsense\n")
        case "no version":
            (data / "PG_VERSION").unlink()
        case "short control file":
            os.truncate(data / "global" / "pg_control", 100)
        case "no control file":
            (data / "global" / "pg_control").unlink()

    told = machine.refusal()

    assert told.startswith(f"The database in {data} did not start (")
    assert told.endswith("); restore that folder from a backup, or move it away to begin with an empty one.")


def test_database_moved_away_begins_with_an_empty_one(new_machine: Any, bare_home: Path) -> None:
    machine = new_machine(bare_home)
    shutil.rmtree(machine.folder / "postgresql" / "data")

    machine.start()

    assert machine.end() == 0


def test_folder_that_is_a_file(new_machine: Any) -> None:
    machine = new_machine()
    machine.folder.write_text("")

    assert machine.refusal() == f"{machine.folder} is not a folder; choose another --data-dir."


def test_folder_without_rights(new_machine: Any, ordinary: dict[str, Any]) -> None:
    machine = new_machine(**ordinary)
    machine.folder.parent.chmod(0o555)

    assert machine.refusal() == f"{machine.folder} cannot be used; choose another --data-dir, or mend its rights."


def test_port_that_needs_more_rights(new_machine: Any, ordinary: dict[str, Any]) -> None:
    machine = new_machine(port=80, **ordinary)
    machine.folder.parent.chmod(0o777)

    assert machine.refusal() == "Port 80 needs more rights; choose one above 1023 with --port."


def test_full_disk(new_machine: Any, bare_home: Path, small_disk: Path) -> None:
    if not os.path.ismount(small_disk):
        machine = new_machine(prefix=("prlimit", "--fsize=1000000"))
        assert "; free the disk, or choose another --data-dir." in machine.refusal()
        return
    machine = Machine(copy(bare_home, small_disk / "home"), output=small_disk.with_name(f"{small_disk.name}-said"))
    _fill(small_disk)

    assert machine.refusal() == f"The disk of {machine.folder} is full; free 300 MB, or choose another --data-dir."


def test_disk_that_fills_up_while_the_database_is_made(new_machine: Any, small_disk: Path) -> None:
    if not os.path.ismount(small_disk):
        machine = new_machine(prefix=("prlimit", "--fsize=20000000"))
        assert "disk" in machine.refusal()
        return
    machine = Machine(small_disk / "home", output=small_disk.with_name(f"{small_disk.name}-said"))
    filling = threading.Thread(target=_fill_when, args=(small_disk, machine.folder / "secrets.json"))
    filling.start()

    told = machine.refusal()

    filling.join()
    assert "disk" in told
    (small_disk / "filling").unlink()
    machine.start()
    assert machine.end() == 0


def test_disk_that_fills_up_while_running_loses_nothing(bare_home: Path, small_disk: Path) -> None:
    if not os.path.ismount(small_disk):
        return
    machine = Machine(copy(bare_home, small_disk / "home"), output=small_disk.with_name(f"{small_disk.name}-said"))
    machine.start()
    _fill(small_disk)
    time.sleep(3)
    (small_disk / "filling").unlink()

    machine.end()
    machine.start()

    assert machine.end() == 0


def _fill(disk: Path) -> None:
    with contextlib.suppress(OSError), (disk / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 1_000_000)


def _fill_when(disk: Path, sign: Path) -> None:
    while not sign.exists():
        time.sleep(0.005)
    _fill(disk)
