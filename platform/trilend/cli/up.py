"""Starts everything on one machine, and fills it with demo companies."""

import sys
from pathlib import Path

import click

from trilend.cli.main import use_installation


@click.command()
@click.option(
    "--port",
    type=click.IntRange(1, 65534),
    default=8000,
    show_default=True,
    help="Port of the web pages; the sandbox bank takes the next one.",
)
@click.option("--data-dir", "own_data_dir", type=click.Path(path_type=Path), help="Folder in which everything is kept.")
@click.option("--demo/--no-demo", default=False, help="Fill in one demo company of each kind.")
@click.pass_obj
def up(data_dir: Path, port: int, own_data_dir: Path | None, demo: bool) -> None:
    """Start database, broker, sandbox bank, web, worker and beat; Ctrl-C stops all of them."""
    from trilend.embedded.errors import CannotStart
    from trilend.embedded.stack import Stack

    stack = Stack((own_data_dir or data_dir).resolve(), port=port, demo=demo, say=click.echo)
    try:
        stack.run()
    except CannotStart as error:
        click.echo(f"trilend: {error}", err=True)
        sys.exit(2)


@click.command(hidden=True)
@click.pass_obj
def demo(data_dir: Path) -> None:
    """Fill in one demo company of each kind (called by `trilend up --demo`)."""
    use_installation(data_dir)
    from trilend.embedded.demo import fill_in
    from trilend.embedded.errors import CannotStart

    try:
        fill_in(data_dir)
    except CannotStart as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
