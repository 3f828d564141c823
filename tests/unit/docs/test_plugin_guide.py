"""The plugin author's guide tells the truth: signatures, payloads, manifest and samples are those of the code."""

import inspect
import re
import tomllib
from pathlib import Path

import pytest

from trilend.jobs.service import MAX_ATTEMPTS
from trilend_sdk import context, errors, reference
from trilend_sdk.hooks import HookFacts, Kind, facts, hooks_of_topic, topics
from trilend_sdk.manifest import Contact, Labels, Manifest, Runner, SecretField
from trilend_sdk.payload import Effect, EffectQuery, EffectResult, Payload

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "plugins" / "examples" / "paper_desk" / "acme_paperdesk"
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


HOOKS = [fact for api in topics() for fact in hooks_of_topic(api).values()]


@pytest.mark.parametrize("api", sorted(topics()))
def test_the_page_of_a_topic_is_that_of_its_code(api: str) -> None:
    examples = reference.examples_in(EXAMPLE)
    page = ROOT / "docs" / "plugins" / f"{api.partition('/')[0]}.md"
    assert page.read_text(encoding="utf-8") == reference.page(api, examples)
    assert f"[`{api}`]({page.name})" in GUIDE


@pytest.mark.parametrize("fact", HOOKS, ids=lambda fact: fact.name)
def test_every_hook_is_documented_has_an_example_and_a_test(fact: HookFacts) -> None:
    topic = fact.api.partition("/")[0]
    page = (ROOT / "docs" / "plugins" / f"{topic}.md").read_text(encoding="utf-8")
    suite = (ROOT / "plugins" / "trilend_sdk" / "conformance" / f"{topic}.py").read_text(encoding="utf-8")
    common = fact.kind is Kind.CALLBACK or fact.name == f"{topic}_check"  # tested for all topics alike in kit.py
    assert f"### `{fact.name}`\n\n```python\n{reference.signature(fact)}\n```\n{fact.summary}\n" in page
    assert len(fact.summary.splitlines()) == 1
    assert fact.name in reference.examples_in(EXAMPLE)
    assert common or f'"{fact.name}"' in suite


@pytest.mark.parametrize("fact", [fact for fact in HOOKS if fact.kind is Kind.EFFECT], ids=lambda fact: fact.name)
def test_every_effect_has_a_key_a_status_hook_and_a_sample(fact: HookFacts) -> None:
    status = facts(fact.status_hook)
    assert issubclass(fact.payload_type, Effect)
    assert issubclass(fact.result_type, EffectResult)
    assert "not_found" in list(fact.result_type.model_fields["status"].annotation)
    assert (status.kind, status.api, status.payload_type) == (Kind.READ, fact.api, EffectQuery)
    assert status.result_type is fact.result_type
    assert fact.optional or not status.optional


def test_the_words_of_a_signature_are_exact() -> None:
    assert reference.signature(facts("bank_transfer_status")) == (
        "bank_transfer_status(context: PluginContext, query: EffectQuery) -> TransferResult"
    )


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
