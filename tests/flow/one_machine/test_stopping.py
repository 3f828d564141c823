"""However a machine ends, nothing of it is left running, and it starts again with all it had."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.flow.one_machine.machine import Machine, browser, kept, sign_in

from trilend.embedded.demo import read_demo

pytestmark = pytest.mark.slow


def test_signals_leave_no_process_and_a_start_right_after_kill_waits_for_the_dying(
    new_machine: Any, bare_home: Path
) -> None:
    machine = new_machine(bare_home)

    machine.start()
    assert len(machine.processes()) >= 6
    assert machine.end(signal.SIGTERM) == 0
    assert machine.complained == ""

    machine.start()
    os.kill(machine.pid, signal.SIGKILL)
    machine.wait()
    machine.start()
    assert machine.end(signal.SIGINT) == 0
    assert machine.complained == ""


def test_start_cut_short_at_any_moment_leaves_no_process_and_can_be_repeated(new_machine: Any) -> None:
    dice = random.Random(20260801)
    machine = new_machine()

    for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
        machine.begin()
        time.sleep(dice.uniform(0.3, 5))
        machine.end(how)

    machine.start()
    assert machine.end() == 0


def test_what_a_power_cut_left_is_no_obstacle(new_machine: Any, bare_home: Path) -> None:
    machine = new_machine(bare_home)
    # The ids of processes begin anew with the machine: those of the dead belong to others now.
    data, alive = machine.folder / "postgresql" / "data", os.getpid()
    (machine.folder / "lock").write_text(str(alive))
    (data / "postmaster.pid").write_text(f"{alive}\n{data}\n1700000000\n5432\n/tmp\n\n  1234567  1\n")

    machine.start()

    assert machine.end() == 0


def test_dead_children_are_started_again(new_machine: Any, bare_home: Path) -> None:
    machine = new_machine(bare_home)
    machine.start()
    before = {
        name: machine.process_named(name) for name in ("trilend.cli worker", "trilend.cli beat", "trilend_sandbox.bank")
    }

    for process_id in before.values():
        os.kill(process_id, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while _renewed(machine, before) != before.keys():
        assert time.monotonic() < deadline, machine.said
        time.sleep(0.2)

    for name in ("worker", "beat", "bank"):
        assert f"{name} ended (-9) and is started again; see {machine.folder}/{name}.log" in machine.said
    assert machine.end() == 0


def test_demo_cut_short_is_made_whole_at_the_next_start(new_machine: Any, demo_home: Path) -> None:
    whole = json.loads((demo_home.parent / "kept.json").read_text())["kept"]
    machine = new_machine()
    machine.begin("--demo")
    _wait_until_half_made(machine)
    machine.end(signal.SIGKILL)
    assert "microfinance" not in {tenant["kind"] for tenant in read_demo(machine.folder).get("tenants", [])}

    machine.start("--demo")

    demo = json.loads((machine.folder / "demo.json").read_text())
    assert sorted(tenant["kind"] for tenant in demo["tenants"]) == ["broker", "guarantee", "microfinance"]
    found = kept(machine)
    assert (found["loans"], found["states"]) == (whole["loans"], whole["states"])
    schemas = set(found["schemas"])
    # Of a spare the row comes first.
    assert set(found["ids"]) <= schemas <= {*found["ids"], *found["spares"]}
    assert set(found["roles"]) == schemas | {f"{schema}_reports" for schema in schemas}
    for tenant in demo["tenants"]:
        with browser(tenant["url"]) as client:
            assert "/login/" not in sign_in(client, tenant["username"], tenant["password"]).headers["location"]
    assert machine.end() == 0


def test_ordinary_user(new_machine: Any, ordinary: dict[str, Any]) -> None:
    machine = new_machine(**ordinary)
    machine.folder.parent.chmod(0o777)

    machine.start("--demo")

    assert 0 not in {os.stat(f"/proc/{line.split()[0]}").st_uid for line in machine.processes()}
    for tenant in json.loads((machine.folder / "demo.json").read_text())["tenants"]:
        with browser(tenant["url"]) as client:
            assert "/login/" not in sign_in(client, tenant["username"], tenant["password"]).headers["location"]
    assert machine.end() == 0


def _process(machine: Machine, name: str) -> int | None:
    try:
        return machine.process_named(name)
    except StopIteration:
        return None


def _renewed(machine: Machine, before: dict[str, int]) -> set[str]:
    found = {name: _process(machine, name) for name in before}
    return {name for name, process_id in found.items() if process_id not in (None, before[name])}


def _wait_until_half_made(machine: Machine) -> None:
    """Wait until the microfinance company has paid out some of its loans."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        time.sleep(0.1)
        try:
            if kept(machine)["paid_out"]:
                return
        except (psycopg.Error, FileNotFoundError, KeyError):
            continue
    raise AssertionError(machine.said + machine.logs)
