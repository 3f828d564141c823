"""Commands that look after stored files."""

import json
from collections.abc import Callable
from datetime import datetime
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


@storage.command("list")
@click.option("--tenant", "slug", required=True, help="Subdomain.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def list_files(data_dir: Any, slug: str, as_json: bool) -> None:
    """List a company's stored files, newest first, with how long they have to be kept."""
    use_installation(data_dir)

    def listed(session: Any) -> dict[str, Any]:
        from trilend.storage.objects import listed

        return {
            stored.key: {
                "media_type": stored.media_type,
                "size": stored.size,
                "created_at": stored.created_at.isoformat(timespec="seconds"),
                "retain_until": stored.retain_until.isoformat() if stored.retain_until else None,
                "legal_hold": stored.legal_hold,
            }
            for stored in listed(session)
        }

    files = _for_each((slug,), listed)[slug]
    if as_json:
        click.echo(json.dumps(files, ensure_ascii=False))
        return
    for key, file in files.items():
        kept = f"until {file['retain_until']}" if file["retain_until"] else ""
        held = f"held: {file['legal_hold']}" if file["legal_hold"] else ""
        click.echo(f"{key}  {file['size']:>12}  {file['created_at']}  {file['media_type']}  {kept} {held}".rstrip())
    if not files:
        click.echo("No file is stored yet.")


@storage.command("hold")
@click.option("--tenant", "slug", required=True, help="Subdomain.")
@click.option("--key", required=True, help="The file's key, as `storage list` shows it.")
@click.option("--reason", required=True, help="Such as the number of the case.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def hold(data_dir: Any, slug: str, key: str, reason: str, as_json: bool) -> None:
    """Put a file under a legal hold: it cannot be deleted until the hold is lifted."""
    use_installation(data_dir)
    from trilend.audit.service import Actor
    from trilend.storage import objects

    _change(slug, key, as_json, lambda session, stored: objects.hold(session, Actor("operator"), stored, reason))


@storage.command("lift-hold")
@click.option("--tenant", "slug", required=True, help="Subdomain.")
@click.option("--key", required=True, help="The file's key, as `storage list` shows it.")
@click.option("--reason", required=True, help="Why it is no longer needed.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def lift_hold(data_dir: Any, slug: str, key: str, reason: str, as_json: bool) -> None:
    """Lift a legal hold."""
    use_installation(data_dir)
    from trilend.audit.service import Actor
    from trilend.storage import objects

    _change(slug, key, as_json, lambda session, stored: objects.lift_hold(session, Actor("operator"), stored, reason))


@storage.command("retain")
@click.option("--tenant", "slug", required=True, help="Subdomain.")
@click.option("--key", required=True, help="The file's key, as `storage list` shows it.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day of keeping it.")
@click.option("--reason", required=True, help="Why so long.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def retain(data_dir: Any, slug: str, key: str, until: datetime, reason: str, as_json: bool) -> None:
    """Have a file kept up to a day; it can be put off later, not brought forward."""
    use_installation(data_dir)
    from trilend.audit.service import Actor
    from trilend.storage import objects

    _change(
        slug,
        key,
        as_json,
        lambda session, stored: objects.retain(session, Actor("operator"), stored, until.date(), reason),
    )


def _change(slug: str, key: str, as_json: bool, act: Callable[[Any, Any], None]) -> None:
    def changed(session: Any) -> dict[str, Any]:
        from trilend.storage.objects import find

        stored = find(session, key)
        act(session, stored)
        session.commit()
        until = stored.retain_until.isoformat() if stored.retain_until else None
        return {"key": key, "retain_until": until, "legal_hold": stored.legal_hold}

    found = _for_each((slug,), changed)[slug]
    if as_json:
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    kept = f"is kept until {found['retain_until']}" if found["retain_until"] else "has no day of retention"
    held = f"is under a legal hold ({found['legal_hold']})" if found["legal_hold"] else "is under no hold"
    click.echo(f"{key} {kept} and {held}.")


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
