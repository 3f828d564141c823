"""Errors, secrets, redaction, schemas and manifests: the parts of the contract that all topics share."""

import json
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from trilend_sdk import HttpRequest, Manifest, ManifestInvalid, OutcomeUnknown, Retryable, Terminal
from trilend_sdk.bank import BankAccount, BatchOrder
from trilend_sdk.conformance import samples
from trilend_sdk.data import DataSubject
from trilend_sdk.errors import error_from
from trilend_sdk.finance import Voucher
from trilend_sdk.hooks import topics
from trilend_sdk.payload import redacted
from trilend_sdk.placeholders import Placeholders
from trilend_sdk.schemas import schema, schemas

TOML = Path(__file__).parents[3] / "plugins" / "examples" / "paper_desk" / "acme_paperdesk" / "plugin.toml"


@pytest.mark.parametrize(
    "error",
    [
        Retryable("later", "busy", retry_after=3.5),
        Terminal("no", messages={"en": "no", "zh_Hans": "不行"}),
        OutcomeUnknown("perhaps"),
    ],
)
def test_an_error_is_the_same_after_a_trip_through_json(error: Any) -> None:
    again = error_from(json.loads(json.dumps(error.as_fields())))
    assert type(again) is type(error)
    assert again.as_fields() == error.as_fields()


def test_an_error_nobody_knows_leaves_the_outcome_unknown() -> None:
    assert isinstance(error_from({"error": "SystemExit", "message": "x"}), OutcomeUnknown)


def test_an_error_speaks_the_language_of_who_waits() -> None:
    error = Terminal("refused", messages={"zh_Hant": "遭拒", "zh_Hans": "被拒"})
    assert [error.message_for(locale) for locale in ("zh_Hant_HK", "zh_Hans", "en")] == ["遭拒", "被拒", "refused"]


def test_a_secret_goes_where_its_placeholder_stands_escaped_for_the_place() -> None:
    placeholders = Placeholders.of({"token": 'a"b&c'})
    hidden = placeholders.by_name["token"]
    request = HttpRequest(
        "POST",
        f"https://x.example/?key={hidden}",
        {"Authorization": f"Bearer {hidden}", "Content-Type": "application/json"},
        json.dumps({"secret": hidden}).encode(),
    )
    filled = placeholders.fill(request)
    assert filled.url == "https://x.example/?key=a%22b%26c"
    assert filled.headers["Authorization"] == 'Bearer a"b&c'
    assert json.loads(filled.content) == {"secret": 'a"b&c'}


def test_a_text_that_looks_like_a_placeholder_is_none() -> None:
    placeholders = Placeholders.of({"token": "treasure"})
    guessed = HttpRequest(
        "POST", "https://x.example/", {}, b"secret.token secret.token.00000000000000000000000000000000"
    )
    assert placeholders.fill(guessed).content == guessed.content


def test_a_log_sees_no_identifier_whole() -> None:
    subject = DataSubject(name="曾丽", resident_id="11010519491231002X", mobile="13800000000")
    text = json.dumps(redacted(samples.submission("key-00001")), ensure_ascii=False) + str(redacted(subject))
    assert "11010519491231002X" not in text
    assert "13800000000" not in text
    assert redacted(subject)["name"] == "*丽"
    assert redacted(BankAccount(holder="曾丽", number="62220001"))["number"].startswith("*")


@pytest.mark.parametrize("api", sorted(topics()))
def test_every_schema_is_one(api: str) -> None:
    for found in schemas(api).values():
        jsonschema.Draft202012Validator.check_schema(found)


def test_a_payload_in_json_fits_its_schema_with_money_as_text() -> None:
    order = samples.transfer("key-00001")
    fields = json.loads(order.model_dump_json())
    jsonschema.validate(fields, schema(type(order)))
    assert fields["amount"] == "1200.50"
    with pytest.raises(ValidationError):
        type(order).model_validate(fields | {"amount": 1200.5})


def test_a_batch_that_does_not_add_up_is_no_batch() -> None:
    batch = samples.batch("key-00001")
    with pytest.raises(ValidationError, match="control_sum"):
        BatchOrder.model_validate(batch.model_dump() | {"control_sum": Decimal(31)})


def test_a_voucher_that_does_not_balance_is_no_voucher() -> None:
    (voucher,) = samples.vouchers("key-00001").vouchers
    lines = [voucher.lines[0].model_dump(), voucher.lines[1].model_dump() | {"credit": Decimal("1200.51")}]
    with pytest.raises(ValidationError, match="debits do not equal credits"):
        Voucher.model_validate(voucher.model_dump() | {"lines": lines})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"colour": "red"}, "colour is not a field of a manifest; take it out."),
        ({"version": "1"}, "version is '1'"),
        ({"api": ["bank/9"]}, "api names bank/9"),
        ({"hooks": ["bank_debit"]}, "hooks names bank_debit without bank_debit_status"),
        ({"hooks": ["bank_transfer"]}, "hooks names bank_transfer, which every plugin of its topic has"),
        ({"hooks": ["bank_rob"]}, "hooks names bank_rob, which is no hook of"),
        ({"runner": "wasm"}, "secrets.stamp is held by the plugin, which only an in-process plugin may do."),
        ({"egress": ["${where}"]}, "egress names ${where}, but config_schema has no such field of type string."),
        ({"egress": ["https://x.example"]}, "egress names https://x.example, which is neither a host name"),
        ({"config_schema": {"type": "object"}}, "additionalProperties = false"),
        ({"data_classes": ["shoe_size"]}, "data_classes.0 is 'shoe_size'"),
    ],
)
def test_a_manifest_that_cannot_be_used_says_why(changes: dict[str, Any], sentence: str) -> None:
    fields = tomllib.loads(TOML.read_text(encoding="utf-8"))
    assert Manifest.of(fields)
    with pytest.raises(ManifestInvalid) as refused:
        Manifest.of(fields | changes)
    assert any(sentence in problem for problem in refused.value.problems), refused.value.problems
