"""The plugin author's guide tells the truth: signatures, payloads, manifest and samples are those of the code."""

import inspect
import re
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import ModuleType

import pytest

from trilend.jobs.service import MAX_ATTEMPTS
from trilend.plugin_host import dispatcher
from trilend_sdk import context, errors
from trilend_sdk.hooks import topics
from trilend_sdk.manifest import Contact, Labels, Manifest, Runner, SecretField
from trilend_sdk.payload import CheckResult, Payload

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "plugins" / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    """The text from a heading to the next of its level or above."""
    level = title.split()[0]
    start = GUIDE.index(f"\n{title}\n") + 1
    end = re.search(rf"\n#{{1,{len(level)}}} ", GUIDE[start + len(title) :])
    return GUIDE[start : start + len(title) + end.start()] if end else GUIDE[start:]


def table(text: str, first_column: str) -> dict[str, str]:
    """The rows of the table with this first column: first cell, without code marks, to second cell."""
    rows: dict[str, str] = {}
    inside = False
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and cells[0] == first_column:
            inside = True
        elif not line.startswith("|"):
            inside = False
        elif inside and not set(cells[0]) <= {"-"}:
            rows[cells[0].strip("`")] = cells[1]
    return rows


def hooks(topic: ModuleType) -> Iterator[tuple[str, str]]:
    for name, hook in inspect.getmembers(topic.SPECIFICATION, inspect.isfunction):
        signature = inspect.signature(hook, eval_str=True)
        parameters = [part for part in signature.parameters.values() if part.name != "self"]
        shown = inspect.formatannotation
        inside = ", ".join(f"{part.name}: {shown(part.annotation).rsplit('.', 1)[-1]}" for part in parameters)
        yield name, f"{name}({inside}) -> {shown(signature.return_annotation).rsplit('.', 1)[-1]}"


@pytest.mark.parametrize("api", sorted(topics()))
def test_every_hook_is_documented_with_its_exact_signature(api: str) -> None:
    documented = re.findall(r"```python\n(\w+\(.*\) -> \w+)\n```\n\S", section(f"### Topic `{api}`"))
    assert sorted(documented) == sorted(signature for _, signature in hooks(topics()[api]))


@pytest.mark.parametrize("api", sorted(topics()))
def test_every_payload_is_documented_with_its_fields(api: str) -> None:
    module = topics()[api]
    payloads = {
        name: ", ".join(f"`{field}`" for field in kind.model_fields)
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Payload) and kind not in (Payload, CheckResult)
    }
    documented = table(section(f"### Topic `{api}`"), "payload")
    documented.pop("CheckResult", None)
    assert documented == payloads


@pytest.mark.parametrize("api", sorted(topics()))
def test_every_word_of_an_enumeration_is_documented(api: str) -> None:
    text = section(f"### Topic `{api}`")
    for name, kind in inspect.getmembers(topics()[api], inspect.isclass):
        if issubclass(kind, StrEnum) and kind is not StrEnum:
            sentence = text[text.index(f"`{name}` is") :].split(";")[0].split(". ")[0]
            assert re.findall(r"`([a-z_]+)`", sentence) == [member.value for member in kind], name


def needed(model: type[Payload]) -> dict[str, str]:
    return {name: "yes" if field.is_required() else "no" for name, field in model.model_fields.items()}


def test_the_manifest_reference_has_every_field() -> None:
    text = section("## Manifest")
    manifest, rest = text.split("`[contact]`")
    contact, secrets = rest.split("`[[secrets]]`")
    assert table(manifest, "field") == needed(Manifest)
    assert table(contact, "field") == needed(Contact)
    assert table(secrets, "field") == needed(SecretField)
    assert all(f"`{name}`" in manifest for name in Labels.model_fields)
    assert all(f"`{runner.value}`" in manifest for runner in Runner)


def test_the_context_is_documented_whole() -> None:
    assert set(table(section("## The context"), "field")) == set(context.PluginContext.__dataclass_fields__)


def test_every_error_a_plugin_may_raise_is_documented() -> None:
    raised = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.PluginError) and kind is not errors.PluginError
    }
    assert set(table(section("## Errors"), "error")) == raised


def test_every_code_of_the_host_is_documented() -> None:
    host = ROOT / "platform" / "trilend" / "plugin_host"
    text = "".join((host / name).read_text(encoding="utf-8") for name in ("dispatcher.py", "egress.py"))
    assert {code for code in re.findall(r'code="(\w+)"', text) if f"`{code}`" not in GUIDE} == set()


def test_deadlines_are_those_of_the_dispatcher() -> None:
    long = ", ".join(f"`{hook}`" for hook in sorted(dispatcher._DEADLINES))
    assert set(dispatcher._DEADLINES.values()) == {60.0}
    assert f"longer than {dispatcher._DEFAULT_DEADLINE:g} seconds (60 for {long}; 15 for tests)" in GUIDE


def test_a_job_is_tried_as_often_as_the_guide_says() -> None:
    pauses = [2**attempt for attempt in range(1, MAX_ATTEMPTS)]
    assert MAX_ATTEMPTS == 5
    assert pauses == [2, 4, 8, 16]
    assert "five times in all, with pauses of about 2, 4, 8 and 16 seconds" in GUIDE


def test_samples_are_parts_of_the_files_they_name() -> None:
    samples = re.findall(r"^`(plugins/\S+)`\n```\w+\n(.*?)```", GUIDE, re.MULTILINE | re.DOTALL)
    assert len(samples) == 3
    for path, sample in samples:
        assert sample in (ROOT / path).read_text(encoding="utf-8"), path


def test_the_example_has_a_valid_manifest() -> None:
    example = ROOT / "plugins" / "examples" / "ledger_bank"
    manifest = Manifest.read(example / "acme_ledgerbank" / "plugin.toml")
    project = tomllib.loads((example / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert list(project["entry-points"]["trilend.plugins"]) == [manifest.identity]
    assert project["version"] == manifest.version
