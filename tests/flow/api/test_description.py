"""The OpenAPI document: complete, well formed, and true."""

from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask_babel import Babel
from tests.flow.api.conftest import Api

from trilend.api.fields import Answer
from trilend.api.interface import Interface
from trilend.api.openapi import describe
from trilend.api.operations import Call, Resource
from trilend.api.v1 import SHARED
from trilend.identity.scopes import SCOPES
from trilend.kinds import TenantKind

_STATUS = "^([1-5][0-9][0-9]|default)$"
_REFERENCE = {"type": "object", "required": ["$ref"], "maxProperties": 1}
_SHAPE = {
    "type": "object",
    "required": ["openapi", "info", "paths", "components"],
    "properties": {
        "openapi": {"pattern": r"^3\.1\.\d+$"},
        "info": {"required": ["title", "version"]},
        "paths": {
            "propertyNames": {"pattern": "^/"},
            "additionalProperties": {
                "propertyNames": {"enum": ["get", "post"]},
                "additionalProperties": {
                    "required": ["operationId", "summary", "security", "parameters", "responses"],
                    "properties": {
                        "parameters": {
                            "items": {
                                "anyOf": [
                                    _REFERENCE,
                                    {
                                        "required": ["name", "in", "required", "schema"],
                                        "properties": {"in": {"enum": ["path", "query", "header"]}},
                                    },
                                ]
                            }
                        },
                        "responses": {"minProperties": 2, "propertyNames": {"pattern": _STATUS}},
                    },
                },
            },
        },
    },
}


@pytest.fixture
def described(api: Api) -> dict[str, Any]:
    document: dict[str, Any] = api.get("/_openapi").json
    return document


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(child)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_document_has_the_shape_of_openapi_3_1(described: dict[str, Any]) -> None:
    jsonschema.validate(described, _SHAPE, jsonschema.Draft202012Validator)
    names = [operation["operationId"] for _, _, operation in operations(described)]
    assert len(names) == len(set(names))
    for _, path, operation in operations(described):
        placed = {entry["name"] for entry in operation["parameters"] if entry.get("in") == "path"}
        assert placed == {part.strip("{}") for part in path.split("/") if part.startswith("{")}


def test_every_reference_leads_somewhere_and_no_schema_is_left_over(described: dict[str, Any]) -> None:
    references = {node["$ref"] for node in nodes(described) if "$ref" in node}
    for reference in references:
        found = described
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
    used = {reference.rpartition("/")[2] for reference in references}
    assert set(described["components"]["schemas"]) == {
        name for name in used if name in described["components"]["schemas"]
    }
    assert not any("__" in name for name in used)


def test_every_schema_is_one_and_its_example_fits(described: dict[str, Any]) -> None:
    examples = 0
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
        if "example" in schema:
            examples += 1
            whole = schema | {"components": described["components"]}
            jsonschema.validate(schema["example"], whole, jsonschema.Draft202012Validator)
    assert examples == 3


def test_scopes_are_declared_and_each_one_is_of_use(described: dict[str, Any]) -> None:
    declared = described["components"]["securitySchemes"]["programs"]["flows"]["clientCredentials"]["scopes"]
    needed = {scope for _, _, operation in operations(described) for scope in operation["security"][0]["programs"]}
    assert needed == set(declared) == set(SCOPES)
    assert declared["loans:disburse"] == "Order disbursements"


def test_writes_take_an_idempotency_key_and_name_their_problems(described: dict[str, Any]) -> None:
    for method, _, operation in operations(described):
        key = {"$ref": "#/components/parameters/IdempotencyKey"}
        assert (key in operation["parameters"]) == (method == "post")
        assert {"401", "default"} <= set(operation["responses"])
        assert method == "get" or {"409", "422"} <= set(operation["responses"])


def test_every_operation_is_there_and_asks_for_a_token(described: dict[str, Any], api: Api) -> None:
    api.token = ""
    for method, path, _ in operations(described):
        address = path.replace("{", "").replace("}", "")
        for name in ("party_id", "application_id", "loan_id", "job_id"):
            address = address.replace(name, "1")
        answer = api.get(address) if method == "get" else api.post(address)
        assert (answer.status_code, answer.json["code"]) == (401, "token_missing")


def test_answers_have_the_shape_that_is_described(
    described: dict[str, Any], api: Api, asked: dict[str, Any], net_assets: None
) -> None:
    made = api.post("/applications", asked).json
    refused = api.post("/applications", asked | {"amount": 1})
    for name, value in (
        ("ApplicationDetail", made),
        ("ApplicationAnswerPage", api.get("/applications").json),
        ("PartyAnswerPage", api.get("/parties").json),
        ("ProductsAnswer", api.get("/products").json),
        ("BalancesAnswer", api.get("/balances").json),
        ("Problem", refused.json),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.validate(value, schema, jsonschema.Draft202012Validator)


def test_the_document_is_open_and_the_same_for_all_of_a_kind(
    described: dict[str, Any], new_tenant: Callable[..., Any], browse: Callable[[str], Any]
) -> None:
    other = browse(f"{new_tenant().slug}.localhost").get("/api/v1/_openapi", headers={"Accept-Language": "zh-CN"})
    assert (other.status_code, other.json) == (200, described)


class Herd(Answer):
    """A herd, as a lender against cattle counts it."""

    head: int


def test_a_fourth_kind_brings_operations_of_its_own() -> None:
    herds = Resource("herds", "Cattle pledged.")

    @herds.get("/loans/{herd_id}", scope="loans:read", summary="Read a herd")
    def read_herd(call: Call, herd_id: int) -> Herd:
        return Herd(head=herd_id)

    kind = TenantKind(name="pastoral", label="Pastoral lender", summary="", icon="", api=lambda: (herds,))
    interface = Interface((*kind.api(), *SHARED))
    assert interface.find("/loans/7", "GET")[1] == {"herd_id": 7}

    app = Flask("fourth")
    Babel(app)
    with app.test_request_context():
        document = describe(interface, title="Pastoral")
    assert document["paths"]["/loans/{herd_id}"]["get"]["operationId"] == "read_herd"
    with pytest.raises(ValueError, match="same name or address"):
        Interface((herds, herds))
