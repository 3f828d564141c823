"""Starts a sandbox server by name."""

import sys
from importlib.metadata import entry_points

import click


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.argument("name", type=click.Choice(sorted(entry_points(group="trilend.sandboxes").names)))
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def sandbox(name: str, arguments: tuple[str, ...]) -> None:
    """Start a server that behaves like a real outside one (bank)."""
    (entry,) = entry_points(group="trilend.sandboxes", name=name)
    sys.exit(entry.load()(list(arguments)))
