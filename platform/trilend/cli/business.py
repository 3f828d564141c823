"""Commands of the business day: end of day, and importing files."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from trilend.cli.main import use_installation

_SHANGHAI = ZoneInfo("Asia/Shanghai")


@click.command()
@click.option("--tenant", "slugs", multiple=True, help="Subdomain; all companies if not given.")
@click.option("--to", "until", type=click.DateTime(["%Y-%m-%d"]), help="Last day to close; yesterday if not given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def eod(data_dir: Any, slugs: tuple[str, ...], until: datetime | None, as_json: bool) -> None:
    """Close business days. Closing a day twice changes nothing; a run that was killed goes on where it was."""
    use_installation(data_dir)
    from trilend.errors import TrilendError
    from trilend.parameters.closing import close_days
    from trilend.tenancy.context import bound, tenant_session
    from trilend.tenancy.service import open_tenants, tenant_by_slug
    from trilend.wiring import load, speaking

    load()
    last = until.date() if until else datetime.now(_SHANGHAI).date() - timedelta(days=1)
    try:
        tenants = [tenant_by_slug(slug) for slug in slugs] if slugs else open_tenants()
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
    reports = []
    for tenant in tenants:
        with speaking(), bound(tenant):
            reports += [{"tenant": tenant.slug} | report for report in close_days(tenant_session(), last)]
    if as_json:
        click.echo(json.dumps(reports, default=str))
        return
    for report in reports:
        failed = f", left behind: {', '.join(report['failed'])}" if report["failed"] else ""
        click.echo(
            f"{report['tenant']} {report['day']}: {report['loans']} loans, {report['journals']} journals{failed}"
        )
    if not reports:
        click.echo("Every day is closed already.")


@click.command("import")
@click.argument("what")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tenant", "slug", required=True, help="Subdomain.")
@click.option("--rejected", type=click.Path(path_type=Path), help="Where to write the rejected rows (XLSX).")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def import_file(data_dir: Any, what: str, file: Path, slug: str, rejected: Path | None, as_json: bool) -> None:
    """Import a workbook: good rows in, bad rows back with the reason on each."""
    use_installation(data_dir)
    from trilend.audit.service import Actor
    from trilend.errors import TrilendError
    from trilend.tenancy.context import bound, tenant_session
    from trilend.tenancy.service import tenant_by_slug
    from trilend.wiring import load, speaking

    found = load()
    try:
        tenant = tenant_by_slug(slug)
        importer = found[tenant.kind].importers.get(what)
        if importer is None:
            known = ", ".join(found[tenant.kind].importers) or "nothing"
            raise click.UsageError(f"This company can import {known}.")
        with speaking(), bound(tenant):
            outcome = importer(tenant_session(), Actor("trilend import"), file.read_bytes())
            tenant_session.commit()
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
    if outcome.rejected:
        target = rejected or file.with_name(f"{file.stem}-rejected.xlsx")
        target.write_bytes(outcome.rejected_workbook)
    counts = {
        "imported": outcome.imported,
        "known": outcome.known,
        "doubtful": outcome.doubtful,
        "rejected": len(outcome.rejected),
    }
    if as_json:
        click.echo(json.dumps(counts))
        return
    click.echo(f"{outcome.imported} imported, {outcome.known} known already, {len(outcome.rejected)} rejected.")
    if outcome.doubtful:
        click.echo(
            f"{outcome.doubtful} resident ids have a check digit that leaves the 17th place out: compare them with the documents."
        )
    if outcome.rejected:
        click.echo(f"The rejected rows with their reasons are in {target}.")
