"""The example of the plugin author's guide: installed by pip as anybody would, found and called by the host."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.docs import ledger_server

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "plugins" / "examples" / "ledger_bank"
SOURCES = [str(ROOT / name) for name in ("platform", "tenants", "plugins", "integrations", "sandbox")]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip has put the example; built from a copy, so that the sources stay clean."""
    folder = tmp_path_factory.mktemp("plugin")
    shutil.copytree(EXAMPLE, folder / "source")
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    command += ["--no-deps", "--no-build-isolation", "--target", str(folder / "target"), str(folder / "source")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "target"


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with ledger_server.running(tmp_path_factory.mktemp("ledger")) as running:
        yield running


@pytest.fixture(scope="module")
def said(target: Path, ledger: ledger_server.Ledger) -> dict[str, Any]:
    """What the host got from the installed plugin, in a process that knows it by its entry point only."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join([str(target), *SOURCES]),
        "TRILEND_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "TRILEND_VALKEY_URL": "redis://127.0.0.1:9/0",
        "TRILEND_SECRET_KEY": "a secret for tests only",
        "TRILEND_MASTER_KEY": "not used",
        "TRILEND_BASE_URL": "http://localhost:8000",
        "TRILEND_STORAGE_URL": "file:///nowhere",
        "TRILEND_ALLOW_LOOPBACK_EGRESS": "true",
    }
    command = [sys.executable, "-m", "tests.unit.docs.call_ledger_bank"]
    done = subprocess.run(
        [*command, ledger.base_url, ledger.ca_pem, ledger_server.TOKEN],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    answered: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answered


def test_it_is_found_by_its_entry_point(said: dict[str, Any]) -> None:
    assert said["manifest"] == ["acme/ledgerbank", "0.1.0", ["bank/1"]]


def test_its_connection_test_tells_right_from_wrong(said: dict[str, Any]) -> None:
    assert said["check"] == {"ok": True, "message": "Connected to the account of 青山小额贷款有限公司."}
    assert said["check with a wrong token"] == {"ok": False, "message": "The bank refused: the token is wrong"}


def test_a_repeated_key_moves_money_once(said: dict[str, Any], ledger: ledger_server.Ledger) -> None:
    settled = {
        "idempotency_key": "T-DK26000001-1",
        "status": "settled",
        "reference": "L1",
        "reason": "",
        "settled_on": None,
    }
    assert said["unknown before"] == "not_found"
    assert said["transfers"] == [settled, settled]
    assert said["known after"] == "settled"
    assert {key: done["amount"] for key, done in ledger.transfers.items()} == {"T-DK26000001-1": "1200.50"}


def test_a_refused_order_leaves_nothing(said: dict[str, Any]) -> None:
    assert said["refused"] == "The bank refused: no such account"
    assert said["refused leaves"] == "not_found"


def test_the_host_lets_it_out_by_https_only(said: dict[str, Any]) -> None:
    assert said["not https"] == "this address is not among the hosts the plugin may reach"


def test_balance_and_statement_arrive_whole(said: dict[str, Any]) -> None:
    account = {"holder": "青山小额贷款有限公司", "number": "11001085", "bank_name": "Ledger Bank", "bank_code": ""}
    assert said["balance"] == {"account": account, "booked": "5000.00", "available": None}
    (entry,) = said["statement"]["entries"]
    assert (entry["entry_id"], entry["amount"], entry["idempotency_key"]) == ("L1", "1200.50", "T-DK26000001-1")
    assert (said["statement"]["cursor"], said["statement"]["more"]) == ("1", False)
