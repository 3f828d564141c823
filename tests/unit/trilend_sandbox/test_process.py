"""The server process: keys, ports, folders, and how it stops."""

import socket
import stat
import time

import pytest

from trilend_sandbox.bank.process import BankProcess
from trilend_sandbox.house.errors import StartFailure


def test_keys_are_secret_and_kept(data_dir):
    with BankProcess(data_dir) as bank:
        first = (bank.admin.public_key(), bank.ca_pem.read_text())
    with BankProcess(data_dir) as bank:
        assert (bank.admin.public_key(), bank.ca_pem.read_text()) == first

    for name in ("ca-key.pem", "server-key.pem", "bank-key.pem"):
        assert stat.S_IMODE((data_dir / name).stat().st_mode) == 0o600


def test_stop_is_at_once_though_a_client_hangs(data_dir):
    bank = BankProcess(data_dir)
    with socket.create_connection(("127.0.0.1", bank.port)):
        assert bank.admin.faults() == []
        started = time.monotonic()
        assert bank.stop() == 0
    assert time.monotonic() - started < 3


def test_taken_port_is_told_in_one_sentence(data_dir, bank):
    with pytest.raises(StartFailure) as failure:
        BankProcess(data_dir, bank.port)

    assert str(failure.value) == f"Sandbox bank: port {bank.port} is in use by another program."


def test_folder_that_cannot_be_used_is_told_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(StartFailure) as failure:
        BankProcess(tmp_path / "file" / "bank")

    assert str(failure.value) == (
        f"Sandbox bank: the data folder {tmp_path}/file/bank cannot be used: Not a directory."
    )


def test_broken_books_are_told_in_one_sentence(data_dir):
    data_dir.mkdir()
    (data_dir / "bank.sqlite3").write_text("no database at all, only text" * 100)

    with pytest.raises(StartFailure) as failure:
        BankProcess(data_dir)

    assert str(failure.value) == (
        f"Sandbox bank: the data folder {data_dir} holds a broken file: file is not a database."
    )


def test_books_survive_a_crash(data_dir):
    bank = BankProcess(data_dir)
    number = bank.admin.open_account("张三", "12.34")["number"]
    assert bank.kill() == -9

    with BankProcess(data_dir) as again:
        assert again.admin.account(number)["balance"] == "12.34"
        assert again.admin.accounts()["total"] == "0.00"
