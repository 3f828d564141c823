"""Commands that look after stored files."""

import json
from collections.abc import Callable
from typing import Any

import click

from trilend.cli.main import use_installation


@click.group()
def storage() -> None:
    """Stored files."""


@storage.command("sweep")
@click.option("--tenant", "slugs", multiple=True, help="Subdomain; all companies if not given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def sweep(data_dir: Any, slugs: tuple[str, ...], as_json: bool) -> None:
    """Remove from the store what nobody needs and what is older than the time of grace."""
    use_installation(data_dir)
    from trilend.storage import sweeping

    reports = _for_each(slugs, lambda session: vars(sweeping.sweep(session)))
    for slug, report in () if as_json else reports.items():
        click.echo(f"{slug}: " + ", ".join(f"{name} {count}" for name, count in report.items()) + ".")
    if as_json:
        click.echo(json.dumps(reports))


@storage.command("verify")
@click.option("--tenant", "slugs", multiple=True, help="Subdomain; all companies if not given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def verify(data_dir: Any, slugs: tuple[str, ...], as_json: bool) -> None:
    """Read every stored file to its end and compare it with its hash; name those that are missing or damaged."""
    use_installation(data_dir)
    from trilend.storage import verification

    reports = _for_each(slugs, lambda session: vars(verification.verify(session)))
    for slug, report in () if as_json else reports.items():
        click.echo(f"{slug}: {report['sound']} files are sound.")
        for reason in ("missing", "damaged"):
            for key in report[reason]:
                click.echo(f"{slug}: {key} is {reason}.")
    if as_json:
        click.echo(json.dumps(reports))
    if any(report["missing"] or report["damaged"] for report in reports.values()):
        raise click.exceptions.Exit(1)


def _for_each(slugs: tuple[str, ...], act: Callable[[Any], dict[str, Any]]) -> dict[str, dict[str, Any]]:
    from trilend.errors import TrilendError
    from trilend.tenancy.context import bound, tenant_session
    from trilend.tenancy.service import open_tenants, tenant_by_slug
    from trilend.wiring import load

    load()
    try:
        tenants = [tenant_by_slug(slug) for slug in slugs] or open_tenants()
        reports = {}
        for tenant in tenants:
            with bound(tenant):
                reports[tenant.slug] = act(tenant_session())
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
    return reports
