"""The commands of docs/api.md do what the page says, answer by answer."""

import base64
import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from tests.flow.api.conftest import Api
from werkzeug.test import TestResponse

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
ADDRESS = "https://qingshan.trilend.example"
_EXAMPLE = re.compile(r"```sh\n(.*?)```\s*```json\n(.*?)```", re.S)
_ROW = re.compile(r"^\| `(GET|POST) (/\S+)` \| (.*) \|$", re.M)


def curl(api: Api, command: str, variables: dict[str, str]) -> TestResponse:
    """Send what a curl command of the page sends."""
    for name, value in variables.items():
        command = command.replace(f"${name}", value)
    words = shlex.split(command.replace("\\\n", " "))
    assert words.pop(0) == "curl"
    headers: dict[str, str] = {}
    data: list[str] = []
    url = ""
    while words:
        word = words.pop(0)
        if word == "-u":
            headers["Authorization"] = "Basic " + base64.b64encode(words.pop(0).encode()).decode()
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            data.append(words.pop(0))
        else:
            assert word.startswith(ADDRESS)
            url = word.removeprefix(ADDRESS)
    headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    if headers["Content-Type"] != "application/json":
        data = [f"{name}={quote_plus(value)}" for name, _, value in (pair.partition("=") for pair in data)]
    return api.browser.open(url, method="POST" if data else "GET", data="&".join(data), headers=headers)


def without(shown: Any, given: Any) -> Any:
    """The answer given, with an ellipsis wherever the page shows one."""
    if shown == "…":
        return "…" if given else given
    if isinstance(shown, dict) and isinstance(given, dict):
        return {name: without(shown.get(name), value) for name, value in given.items()}
    if isinstance(shown, list) and isinstance(given, list) and len(shown) == len(given):
        return [without(*pair) for pair in zip(shown, given, strict=True)]
    return given


@pytest.fixture
def stranger(program: Callable[..., Api], tenant: Any) -> Api:
    """A program that has not asked for a token yet."""
    return program(tenant, signed_in=False)


def test_every_command_is_answered_as_shown(stranger: Api, program: Callable[..., Api], net_assets: None) -> None:
    deciding = program(stranger.tenant, "applications:decide")
    variables = {
        "CLIENT_ID": stranger.client_id,
        "CLIENT_SECRET": stranger.secret,
        "DECIDING_TOKEN": deciding.token,
    }
    examples = _EXAMPLE.findall(PAGE)
    assert len(examples) == PAGE.count("```sh") == PAGE.count("```json") == 6
    for command, shown in examples:
        answer = curl(stranger, command, variables)
        expected = json.loads(shown)
        assert without(expected, answer.json) == expected
        if "access_token" in expected:
            variables["TOKEN"] = answer.json["access_token"]
    stranger.token = variables["TOKEN"]
    assert stranger.get("/applications").json["code"] == "token_refused"


def test_the_table_of_operations_is_that_of_the_description(api: Api) -> None:
    def described() -> Iterator[tuple[str, str, str]]:
        for path, methods in api.get("/_openapi").json["paths"].items():
            for method, operation in methods.items():
                scopes = operation["security"][0]["programs"]
                yield method.upper(), path, f"`{scopes[0]}`" if scopes else _JOBS

    assert set(_ROW.findall(PAGE)) == set(described())
    assert len(_ROW.findall(PAGE)) == len(set(described()))


_JOBS = "that of the operation which started the job"
