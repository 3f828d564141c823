"""The first start with demo companies, and what a second one finds."""

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.flow.one_machine.machine import Machine, browser, kept, machine_in, sign_in

pytestmark = pytest.mark.slow
KINDS = {"microfinance", "guarantee", "broker"}


@pytest.fixture(scope="module")
def running(demo_home: Path, run_folder: Path) -> Iterator[Machine]:
    """A second start of the demo installation, on another port."""
    machine = machine_in(run_folder, demo_home)
    machine.start("--demo")
    yield machine
    machine.end()


def test_first_start_writes_down_one_company_of_each_kind(demo_home: Path) -> None:
    demo = json.loads((demo_home / "demo.json").read_text())

    assert set(demo) == {"base_url", "console", "tenants"}
    assert set(demo["console"]) == {"url", "username", "password"}
    assert {tenant["kind"] for tenant in demo["tenants"]} == KINDS
    fields = {"slug", "kind", "url", "username", "password", "client_id", "client_secret"}
    assert all(set(tenant) == fields and all(tenant.values()) for tenant in demo["tenants"])


def test_first_start_tells_every_address_and_password(demo_home: Path) -> None:
    demo = json.loads((demo_home / "demo.json").read_text())
    told = (demo_home.parent / "home.out").read_text()

    for entry in (demo["console"], *demo["tenants"]):
        assert f"{entry['url']}   {entry['username']} / {entry['password']}" in told
    assert demo["base_url"] in told


def test_secrets_are_for_their_owner_only(demo_home: Path) -> None:
    for name in ("secrets.json", "environment", "demo.json"):
        assert stat.S_IMODE((demo_home / name).stat().st_mode) == 0o600


def test_everybody_of_the_demo_can_enter(running: Machine) -> None:
    demo = json.loads((running.folder / "demo.json").read_text())

    assert demo["base_url"] == f"http://localhost:{running.port}"
    for tenant in demo["tenants"]:
        with browser(tenant["url"]) as client:
            refused = sign_in(client, tenant["username"], "not the password")
            assert "/login/" in refused.headers.get("location", "/login/")
        with browser(tenant["url"]) as client:
            entered = sign_in(client, tenant["username"], tenant["password"])
            assert (entered.status_code, "/login/" in entered.headers["location"]) == (302, False)
            _client_credentials_work(client, tenant)
    with browser(demo["console"]["url"]) as client:
        assert client.get("/login").status_code == 200
    with browser(demo["base_url"]) as client:
        assert client.get("/readyz").json() == {"status": "ready"}


def test_credentials_of_one_company_are_refused_by_another(running: Machine) -> None:
    one, other = json.loads((running.folder / "demo.json").read_text())["tenants"][:2]

    with browser(other["url"]) as client:
        assert _token(client, one).status_code == 401


def test_second_start_changes_nothing_and_a_lost_demo_json_is_written_again(new_machine: Any, demo_home: Path) -> None:
    first = json.loads((demo_home.parent / "kept.json").read_text())
    written = (demo_home / "demo.json").read_bytes()
    machine = new_machine(demo_home, port=int(first["port"]))

    seconds = machine.start("--demo")

    assert seconds < 0.7 * first["seconds"]
    assert "demo companies" not in machine.said
    assert (machine.folder / "demo.json").read_bytes() == written
    assert kept(machine) == first["kept"]
    assert first["kept"]["loans"] == 10

    machine.end()
    (machine.folder / "demo.json").unlink()
    machine.start("--demo")

    assert kept(machine)["loans"] == 10
    for tenant in json.loads((machine.folder / "demo.json").read_text())["tenants"]:
        with browser(tenant["url"]) as client:
            assert "/login/" not in sign_in(client, tenant["username"], tenant["password"]).headers["location"]
            _client_credentials_work(client, tenant)
    assert machine.end() == 0


def test_start_on_another_port_leads_everybody_there(running: Machine) -> None:
    for tenant in json.loads((running.folder / "demo.json").read_text())["tenants"]:
        assert tenant["url"] == f"http://{tenant['slug']}.localhost:{running.port}"
    found = kept(running)
    assert found["banks"] == [f"https://127.0.0.1:{running.port + 1}"] * len(KINDS)
    assert found["bank_states"] == ["active"] * len(KINDS)


def test_nothing_is_written_outside_the_data_folder_and_tmp(running: Machine) -> None:
    with browser(f"http://localhost:{running.port}") as client:
        client.get("/")
    allowed = (str(running.folder), "/tmp/", "/dev/", "/proc/", str(running.folder.parent))

    for line in running.processes():
        for descriptor in Path(f"/proc/{line.split()[0]}/fd").iterdir():
            target = os.readlink(descriptor)
            if target.startswith("/") and _is_open_for_writing(descriptor):
                assert target.startswith(allowed), line


def _is_open_for_writing(descriptor: Path) -> bool:
    text = (descriptor.parent.parent / "fdinfo" / descriptor.name).read_text()
    flags = next(line.split()[1] for line in text.splitlines() if line.startswith("flags:"))
    return bool(int(flags, 8) & (os.O_WRONLY | os.O_RDWR))


def _token(client: httpx.Client, tenant: dict[str, str]) -> httpx.Response:
    values = {"grant_type": "client_credentials"}
    return client.post("/oauth/token", data=values, auth=(tenant["client_id"], tenant["client_secret"]))


def _client_credentials_work(client: httpx.Client, tenant: dict[str, str]) -> None:
    token = _token(client, tenant).json()["access_token"]
    answer = client.get("/api/v1/parties", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
