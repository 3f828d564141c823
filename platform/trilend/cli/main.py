"""Entry point of the command line; each group of commands is imported only when it is called."""

import os
import sys
from importlib import import_module
from pathlib import Path

import click

_COMMANDS = {
    "up": "trilend.cli.up:up",
    "demo": "trilend.cli.up:demo",
    "web": "trilend.cli.serve:web",
    "worker": "trilend.cli.serve:worker",
    "beat": "trilend.cli.serve:beat",
    "prepare": "trilend.cli.serve:prepare",
    "migrate": "trilend.cli.serve:migrate",
    "healthcheck": "trilend.cli.serve:healthcheck",
    "tenant": "trilend.cli.tenants:tenant",
    "registry": "trilend.cli.registry:registry",
    "operator": "trilend.cli.tenants:operator",
    "keys": "trilend.cli.keys:keys",
    "storage": "trilend.cli.storage:storage",
    "audit": "trilend.cli.audit:audit",
    "jobs": "trilend.cli.jobs:jobs",
    "eod": "trilend.cli.business:eod",
    "import": "trilend.cli.business:import_file",
    "sandbox": "trilend.cli.sandbox:sandbox",
}


class LazyGroup(click.Group):
    """Loads a command's module when it is called, so that `trilend --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one."""
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=lambda: Path(os.environ.get("TRILEND_DATA_DIR", "var")),
    show_default="$TRILEND_DATA_DIR or ./var",
    help="Folder of a one-machine installation; its settings are used unless the environment gives others.",
)
@click.version_option(package_name="trilend")
@click.pass_context
def cli(context: click.Context, data_dir: Path) -> None:
    """Trilend: microfinance, guarantee and loan-broking companies on one platform."""
    context.obj = data_dir


def use_installation(data_dir: Path) -> None:
    """Take the settings of a one-machine installation unless the environment has its own; raises `UsageError`."""
    if "TRILEND_DATABASE_URL" in os.environ:
        return
    file = data_dir / "environment"
    if not file.exists():
        raise click.UsageError(
            f"There is no installation in {data_dir}. Start one with `trilend up`, name its folder with --data-dir, "
            "or set the TRILEND_… environment variables."
        )
    for line in file.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        os.environ.setdefault(name, value)


def main() -> None:
    """Run the command line."""
    cli(prog_name="trilend", args=sys.argv[1:])
