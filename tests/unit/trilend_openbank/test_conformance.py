"""The plugin passes the conformance suite of its topic against a real sandbox bank, faults included."""

from pathlib import Path
from typing import Any

import pytest

import trilend_openbank
from trilend_sandbox.bank.process import BankProcess
from trilend_sdk.bank import BankAccount, TransferOrder
from trilend_sdk.conformance.bank import BankConformance
from trilend_sdk.conformance.kit import Bench, Fault
from trilend_sdk.context import PluginContext
from trilend_sdk.manifest import Manifest

from .conftest import Connection


class OpenBankBench(Bench):
    """A connection to the sandbox bank; effects are counted in the bank's statement."""

    plugin = trilend_openbank.PLUGIN
    manifest = Manifest.read(Path(trilend_openbank.__file__).with_name("plugin.toml"))
    faults = frozenset(Fault)

    def __init__(self, connection: Connection, payee: BankAccount) -> None:
        self._connection, self._payee = connection, payee

    def context(self) -> PluginContext:
        return self._connection.context

    def effects(self, hook: str, idempotency_key: str) -> int:
        return self._connection.money_movements(idempotency_key)

    def payload(self, kind: type[Any], sample: Any) -> Any:
        changes = {"payee": self._payee}
        return sample.model_copy(update=changes) if kind is TransferOrder else sample

    def order_fault(self, fault: Fault) -> None:
        self._connection.bank.admin.order_fault(fault.value, endpoint="transfers")


class TestOpenBank(BankConformance):
    """`bank/1`."""

    @pytest.fixture
    def bench(self, connect: Any, data_dir: Path, bank_process: Any, payee: BankAccount) -> Bench:
        bank: BankProcess = bank_process(data_dir)
        return OpenBankBench(connect(bank), payee)
