"""Writes the reference page of a topic from its module and from an example that has its hooks.

`python -m trilend_sdk.reference docs/plugins plugins/examples/paper_desk/acme_paperdesk` writes all pages anew.
"""

import ast
import inspect
import sys
import typing
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from trilend_sdk.hooks import HookFacts, Kind, hooks_of_topic, topics
from trilend_sdk.payload import Payload
from trilend_sdk.schemas import payloads

_KINDS = {
    Kind.READ: "Reads; changes nothing outside.",
    Kind.EFFECT: "**Effect**: recorded before it is made; after an unknown outcome the host asks `{}`.",
    Kind.CALLBACK: "**Call-back**: what came in at the connection's public address.",
    Kind.EVENT: "**Event**: delivered at least once.",
}


def page(api: str, examples: Mapping[str, str]) -> str:
    """The page of a topic; `examples` are the sources of example methods by hook."""
    module = topics()[api]
    parts = [
        f"# Topic `{api}`",
        f"For plugin authors. {(module.__doc__ or '').split(': ', 1)[1].strip().capitalize()} "
        "This page is written from the code by `trilend_sdk.reference`; what all topics share stands in "
        "[Writing a plugin](README.md).",
        f"Conformance suite: `trilend_sdk.conformance.{api.partition('/')[0]}`.",
        "## Hooks",
        *(_hook(fact, examples[fact.name]) for fact in hooks_of_topic(api).values()),
        "## Payloads",
        "A field with a default may be left out. Money and rates are decimals, text in JSON; bytes are base64 there.",
        *(_payload(kind) for kind in payloads(api).values()),
        *_words(api),
    ]
    return "\n\n".join(parts) + "\n"


def signature(fact: HookFacts) -> str:
    """The signature of a hook as a plugin author writes it, without `self`."""
    payload = f", {fact.payload}: {_name(fact.payload_type)}" if fact.payload else ""
    return f"{fact.name}(context: PluginContext{payload}) -> {_name(fact.result_type)}"


def examples_in(folder: Path) -> dict[str, str]:
    """The source of every method of a package that is named as a hook, by name."""
    names = {name for api in topics() for name in hooks_of_topic(api)}
    found = {}
    for path in sorted(folder.glob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name in names:
                first = min(decorator.lineno for decorator in node.decorator_list)
                lines = source.splitlines()[first - 1 : node.end_lineno]
                found[node.name] = "\n".join(lines)
    return found


def write(folder: Path, example: Path) -> None:
    """Write the page of each topic into a folder."""
    examples = examples_in(example)
    for api in topics():
        (folder / f"{api.partition('/')[0]}.md").write_text(page(api, examples), encoding="utf-8")


def _hook(fact: HookFacts, example: str) -> str:
    need = "Optional: named in the manifest's `hooks`." if fact.optional else "Required."
    kind = _KINDS[fact.kind].format(fact.status_hook)
    return "\n".join(
        (
            f"### `{fact.name}`\n",
            f"```python\n{signature(fact)}\n```",
            f"{fact.summary}\n",
            f"{kind} {need} Deadline {fact.deadline:g} seconds.\n",
            f"```python\n{example}\n```",
        )
    )


def _payload(kind: type[Payload]) -> str:
    rows = [f"| `{name}` | {_shown(field)} | {_default(field)} |" for name, field in kind.model_fields.items()]
    table = ["| field | type | default |", "|---|---|---|", *rows] if rows else ["No fields."]
    return "\n".join((f"### {kind.__name__}\n", f"{inspect.getdoc(kind)}\n", *table))


def _shown(field: Any) -> str:
    hint = inspect.formatannotation(field.annotation)
    for module in ("trilend_sdk.", "typing.", "decimal.", "datetime.", "pydantic.types.", "pydantic.main."):
        hint = hint.replace(module, "")
    for topic in (*(api.partition("/")[0] for api in topics()), "payload", "values"):
        hint = hint.replace(f"{topic}.", "")
    return "`" + _without_limits(hint).replace("|", "or") + "`"


def _without_limits(hint: str) -> str:
    """The hint with `Annotated[X, …]` written as `X`."""
    while "Annotated[" in hint:
        start = hint.index("Annotated[")
        depth, end, comma = 0, start, 0
        for place in range(start, len(hint)):
            depth += (hint[place] in "[({") - (hint[place] in "])}")
            if hint[place] == "," and depth == 1 and not comma:
                comma = place
            if hint[place] == "]" and depth == 0:
                end = place
                break
        hint = hint[:start] + hint[start + len("Annotated[") : comma] + hint[end + 1 :]
    return hint


def _default(field: Any) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    if isinstance(value, StrEnum):
        return f"`{value.value}`"
    if isinstance(value, Payload):
        return f"an empty `{type(value).__name__}`"
    return f"`{value!r}`" if not hasattr(value, "as_tuple") else f"`{value}`"


def _words(api: str) -> Iterator[str]:
    words = sorted({word for kind in payloads(api).values() for word in _enumerations(kind)}, key=lambda w: w.__name__)
    if words:
        yield "## Words"
    for word in words:
        values = ", ".join(f"`{member.value}`" for member in word)
        yield f"`{word.__name__}`: {values}. {' '.join((inspect.getdoc(word) or '').split())}"


def _enumerations(kind: type[Payload]) -> Iterator[type[StrEnum]]:
    for field in kind.model_fields.values():
        for part in (field.annotation, *typing.get_args(field.annotation)):
            if inspect.isclass(part) and issubclass(part, StrEnum):
                yield part


def _name(kind: Any) -> str:
    return str(getattr(kind, "__name__", kind))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Path(sys.argv[2]))
