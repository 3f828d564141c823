"""The plugin passes the conformance suite of its topic, on a real contract."""

from pathlib import Path
from typing import Any

import pytest

import trilend_pyhanko
from trilend_sdk.conformance.esign import ESignConformance
from trilend_sdk.conformance.kit import Bench
from trilend_sdk.context import PluginContext
from trilend_sdk.manifest import Manifest

from .conftest import Tenant


class PyHankoBench(Bench):
    """An enrolled company and its contract; nothing happens outside this machine."""

    plugin = trilend_pyhanko.PLUGIN
    manifest = Manifest.read(Path(trilend_pyhanko.__file__).with_name("plugin.toml"))

    def __init__(self, tenant: Tenant, contract: bytes) -> None:
        self._tenant, self._contract = tenant, contract

    def context(self) -> PluginContext:
        return self._tenant.context

    def effects(self, hook: str, idempotency_key: str) -> int:
        return 0

    def payload(self, kind: type[Any], sample: Any) -> Any:
        signer = sample.signer.model_copy(update={"name": self._tenant.company})
        return sample.model_copy(update={"document": self._contract, "signer": signer})


class TestPyHanko(ESignConformance):
    """`esign/1`."""

    local = True

    @pytest.fixture
    def bench(self, tenant: Tenant, contract: bytes) -> Bench:
        return PyHankoBench(tenant, contract)
