"""The manifest says all that a host must know, and the hooks match their specification."""

from pathlib import Path

import jsonschema
import pluggy
import pytest

import trilend_openbank
from trilend_sdk import Manifest
from trilend_sdk.hooks import PROJECT, topics


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return Manifest.read(Path(trilend_openbank.__file__).with_name("plugin.toml"))


def test_manifest_names_plugin_topic_and_way_out(manifest):
    assert manifest.identity == "trilend/openbank"
    assert manifest.api == ("bank/1",)
    assert manifest.egress == ("${base_url}",)
    assert [secret.name for secret in manifest.secrets] == ["client_private_key"]


def test_every_setting_is_labelled_in_three_languages(manifest):
    jsonschema.Draft202012Validator.check_schema(manifest.config_schema)
    for schema in manifest.config_schema["properties"].values():
        for texts in (schema["x-labels"], schema["x-help"]):
            assert set(texts) == {"zh_Hans", "zh_Hant", "en"}
            assert all(texts.values())


def test_schema_takes_a_real_connection(manifest, connection):
    jsonschema.validate(connection.context.config, manifest.config_schema)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base_url", "http://bank.example"),
        ("base_url", "https://bank.example/path"),
        ("base_url", "https://user@bank.example"),
        ("account_number", "12"),
        ("trust_pem", "no certificate"),
    ],
)
def test_schema_refuses_a_wrong_setting(manifest, connection, name, value):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**connection.context.config, name: value}, manifest.config_schema)


def test_hooks_match_the_topic():
    plugins = pluggy.PluginManager(PROJECT)
    plugins.add_hookspecs(topics()["bank/1"].SPECIFICATION)
    plugins.register(trilend_openbank.PLUGIN)

    plugins.check_pending()
    hooks = {caller.name for caller in plugins.get_hookcallers(trilend_openbank.PLUGIN) or []}
    assert hooks == {"bank_transfer", "bank_transfer_status", "bank_statement", "bank_balance", "bank_check"}
