"""The operator's page names every command, option, setting and start-up error there is, and none that is not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from pydantic_core import PydanticUndefined

from trilend.cli.main import cli
from trilend.config import Settings

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "operator" / "commands.md").read_text(encoding="utf-8")


def rows(text: str) -> list[list[str]]:
    """Cells of all table rows but the head."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def commands(group: click.Group, path: str = "trilend") -> Iterator[tuple[str, click.Command]]:
    """All visible commands that do something, by what is typed."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif not command.hidden:
            yield f"{path} {name}", command


COMMANDS = {"trilend": cli} | dict(commands(cli))
SECTIONS = dict(re.findall(r"^### (trilend[a-z -]*)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))


def visible_options(command: click.Command) -> dict[str, click.Option]:
    """Options as they are typed, a switch with both its names."""
    return {
        ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts)): option
        for option in command.params
        if isinstance(option, click.Option) and not option.hidden
    }


def test_every_command_is_documented_and_none_invented() -> None:
    assert sorted(SECTIONS) == sorted(COMMANDS)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_option_is_documented_and_none_invented(name: str) -> None:
    documented = {row[0]: row for row in rows(SECTIONS[name]) if row[0] != "option"}
    options = visible_options(COMMANDS[name])
    assert sorted(documented) == sorted(options)
    for typed, option in options.items():
        if option.required and not option.prompt:
            assert documented[typed][1] == "needed", typed
        elif isinstance(option.default, (int, str)) and not option.is_flag:
            assert documented[typed][1] == f"`{option.default}`", typed


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_the_choices_of_arguments_are_documented(name: str) -> None:
    for argument in COMMANDS[name].params:
        if isinstance(argument, click.Argument) and isinstance(argument.type, click.Choice):
            assert all(f"`{choice}`" in SECTIONS[name] for choice in argument.type.choices), argument.name


def test_every_setting_is_documented_with_its_default() -> None:
    documented = {row[0].strip("`"): row[1].strip("`") for row in rows(PAGE) if row[0].startswith("`TRILEND_")}
    expected = {
        f"TRILEND_{name.upper()}": "needed"
        if field.default is PydanticUndefined
        else {"None": "none", "": "empty"}.get(str(field.default), str(field.default))
        for name, field in Settings.model_fields.items()
    }
    assert documented == expected


def start_up_errors() -> set[str]:
    """Every sentence with which the one-machine stack refuses to start, an ellipsis for what is filled in."""
    found = set()
    for file in (ROOT / "platform" / "trilend" / "embedded").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "CannotStart":
                found.add(_sentence(node.args[0]))
    return found


def _sentence(node: ast.expr) -> str:
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts).replace("`", "")


def test_every_start_up_error_is_explained_and_none_invented() -> None:
    explained = {row[0].strip("`") for row in rows(PAGE[PAGE.index("## When it does not start") :])}
    assert explained - {"it prints"} == start_up_errors()
