"""Machines for the tests: fresh ones, and copies of two that were started and stopped once."""

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.flow.one_machine.machine import Machine, kept, machine_in, ordinary_python

NewMachine = Callable[..., Machine]


@pytest.fixture(scope="session")
def bare_home(run_folder: Path) -> Path:
    """A data folder that was started once and stopped; made once for all workers of the run."""
    return _made_once(run_folder / "one-machine-bare")


@pytest.fixture(scope="session")
def demo_home(run_folder: Path) -> Path:
    """The same with demo companies; beside it `home.out` holds what was said, `kept.json` what must not change."""
    return _made_once(run_folder / "one-machine-demo", "--demo")


@pytest.fixture
def new_machine(run_folder: Path) -> Iterator[NewMachine]:
    """Makes machines with a folder of their own, empty or a copy; none outlives its test."""
    made: list[Machine] = []

    def make(home: Path | None = None, **options: object) -> Machine:
        made.append(machine_in(run_folder, home, **options))
        return made[-1]

    yield make
    for machine in made:
        machine.clean_up()


@pytest.fixture(scope="session")
def ordinary(run_folder: Path) -> dict[str, object]:
    """What makes a machine run as an ordinary user: options for `new_machine`. Not as root we are one ourselves."""
    if os.geteuid() != 0:
        return {}
    place = run_folder / "ordinary-python"
    with (run_folder / "ordinary-python.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        python = ordinary_python(place) if not place.exists() else str(next((place / "bin").iterdir()))
    prefix = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    # No variable of ours leads to what is root's own.
    environment = {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1", "LD_LIBRARY_PATH": str(place / "lib")}
    return {"prefix": prefix, "python": python, "environment": environment}


def _made_once(place: Path, *options: str) -> Path:
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = place / "kept.json"
        if not done.exists():
            machine = Machine(place / "home")
            seconds = machine.start(*options)
            found = kept(machine) if options else {}
            machine.end()
            done.write_text(json.dumps({"port": machine.port, "seconds": seconds, "kept": found}))
    return place / "home"
