"""Commands on the registry."""

import json
from typing import Any

import click

from trilend.cli.main import use_installation


@click.group()
def registry() -> None:
    """The platform's own tables."""


@registry.command("verify")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def verify(data_dir: Any, as_json: bool) -> None:
    """Prove that the registry, its roles and rights equal those of a fresh installation; name the difference otherwise."""
    use_installation(data_dir)
    from trilend.config import settings
    from trilend.tenancy.migration.registry import verify_registry
    from trilend.wiring import load

    load()
    owner = settings().owner_database_url
    if owner is None:
        raise click.UsageError("Set TRILEND_OWNER_DATABASE_URL: only the owner of schemas may look at all of this.")
    difference = verify_registry(owner.get_secret_value())
    if as_json:
        click.echo(json.dumps({"equal": not difference, "missing": difference.missing, "surplus": difference.surplus}))
    else:
        click.echo("The registry differs from a fresh one." if difference else "The registry equals a fresh one.")
        for line in difference.missing:
            click.echo(f"missing: {' '.join(line.split())}")
        for line in difference.surplus:
            click.echo(f"not expected: {' '.join(line.split())}")
    if difference:
        raise click.exceptions.Exit(1)
