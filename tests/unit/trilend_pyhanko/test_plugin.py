"""The plugin as its host meets it: manifest, hooks, and the cost of loading it."""

import subprocess
import sys
from pathlib import Path

import jsonschema
import pluggy

import trilend_pyhanko
from trilend_pyhanko import PLUGIN
from trilend_sdk import esign
from trilend_sdk.hooks import PROJECT
from trilend_sdk.manifest import Manifest, Runner

from .conftest import Tenant

MANIFEST = Path(trilend_pyhanko.__file__).with_name("plugin.toml")


def test_manifest_describes_the_plugin() -> None:
    manifest = Manifest.read(MANIFEST)

    assert manifest.identity == "trilend/pyhanko"
    assert manifest.api == ("esign/1",)
    assert manifest.runner is Runner.IN_PROCESS
    assert manifest.egress == ()


def test_enrolment_fills_the_configuration_and_secrets_of_the_manifest(tenant: Tenant) -> None:
    manifest = Manifest.read(MANIFEST)

    jsonschema.validate(dict(tenant.context.config), dict(manifest.config_schema))
    assert set(tenant.context.config) == set(manifest.config_schema["properties"])
    assert set(tenant.context.secrets) == {secret.name for secret in manifest.secrets if secret.made_by_enrolment}


def test_every_configuration_field_is_labelled_in_three_languages() -> None:
    manifest = Manifest.read(MANIFEST)

    for field in manifest.config_schema["properties"].values():
        assert set(field["x-labels"]) == set(field["x-help"]) == {"zh_Hans", "zh_Hant", "en"}


def test_hooks_fit_the_specification_of_the_topic() -> None:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(esign.SPECIFICATION)

    name = manager.register(PLUGIN)

    manager.check_pending()
    assert name is not None
    assert {hook.name for hook in manager.get_hookcallers(PLUGIN) or []} == {
        "esign_enrol",
        "esign_sign",
        "esign_sign_status",
        "esign_verify",
        "esign_check",
    }


def test_loading_the_plugin_does_not_load_pyhanko() -> None:
    code = "import sys, trilend_pyhanko; print(sorted({'pyhanko', 'fontTools', 'asn1crypto'} & set(sys.modules)))"

    answer = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.strip() == "[]"
