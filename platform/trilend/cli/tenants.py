"""Commands that look after tenants and operators."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from trilend.cli.archives import COMMANDS as ARCHIVES
from trilend.cli.keys import forget_keys, rotate_key
from trilend.cli.lifecycle import COMMANDS
from trilend.cli.main import use_installation

if TYPE_CHECKING:
    from trilend.tenancy.migration.fleet import FleetReport


@click.group()
def tenant() -> None:
    """Companies on the platform."""


for _command in COMMANDS:
    tenant.add_command(_command)
tenant.add_command(rotate_key)
tenant.add_command(forget_keys)
for _command in ARCHIVES:
    tenant.add_command(_command)


@tenant.command("list")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def list_tenants(data_dir: Any, as_json: bool) -> None:
    """List all companies."""
    use_installation(data_dir)
    from sqlalchemy import select

    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.models import Tenant

    with RegistrySession() as session:
        rows = [
            {"id": row.id, "slug": row.slug, "kind": row.kind, "name": row.name, "uscc": row.uscc, "state": row.state}
            for row in session.scalars(select(Tenant).order_by(Tenant.slug))
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['slug']:<24} {row['kind']:<14} {row['state']:<12} {row['name']}")
    if not rows:
        click.echo("No company is signed up yet.")


@tenant.command("create")
@click.option("--slug", required=True, help="Subdomain.")
@click.option("--kind", required=True, help="microfinance, guarantee or broker.")
@click.option("--name", required=True, help="Registered name.")
@click.option("--uscc", required=True, help="Unified social credit code.")
@click.option("--admin", required=True, help="User name of the first administrator.")
@click.option("--email", required=True, help="Mail address of the first administrator.")
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True, help="Asked for if not given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def create(data_dir: Any, /, **entered: Any) -> None:
    """Make a company with its own space."""
    use_installation(data_dir)
    from trilend.errors import TrilendError
    from trilend.signup.making import make_tenant
    from trilend.wiring import load

    load()
    as_json = entered.pop("as_json")
    try:
        made = make_tenant(**entered)
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
    found = {"id": made.id, "slug": made.slug, "kind": made.kind, "state": made.state}
    click.echo(json.dumps(found) if as_json else f"{made.name} is ready at {made.slug}.")


@tenant.command("migrate")
@click.option("--tenant", "slugs", multiple=True, help="Subdomain; all companies and spares if not given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def migrate(data_dir: Any, slugs: tuple[str, ...], as_json: bool) -> None:
    """Bring companies to this release; those that failed before are tried again."""
    use_installation(data_dir)
    from trilend.wiring import load

    load()
    move_fleet(slugs, as_json=as_json)


def move_fleet(slugs: Sequence[str], *, as_json: bool) -> None:
    """Move companies, telling how far it is; the exit code is 1 if one was left behind."""
    from trilend.tenancy.migration.fleet import migrate_fleet
    from trilend.tenancy.spares import renew_spares

    report = migrate_fleet(slugs=slugs, progress=None if as_json else _tell)
    if not slugs:
        renew_spares(but=report.halted)
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        for kind, reason in report.halted.items():
            click.echo(f"{kind} was halted at its first company, the others of it are as they were: {reason}")
        for slug, reason in report.failed.items():
            click.echo(f"{slug} stays at its old revision: {reason}")
        click.echo(
            f"{report.done} of {report.total} moved." if report.total else "Every company is where this release is."
        )
    if not report.sound:
        raise click.exceptions.Exit(1)


def _tell(report: "FleetReport") -> None:
    """One line that is written over on a terminal, and lines one below the other in a log."""
    share = 100 * report.done // report.total
    failed = f", {len(report.failed)} failed" if report.failed else ""
    line = f"{report.done} of {report.total} moved ({share} %){failed}"
    over = sys.stdout.isatty() and report.done + len(report.failed) < report.total
    click.echo(f"{line}\r" if over else line, nl=not over)


@tenant.command("verify")
@click.option("--tenant", "slugs", multiple=True, help="Subdomain; all companies and spares if not given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def verify(data_dir: Any, slugs: tuple[str, ...], as_json: bool) -> None:
    """Prove that the schemas of companies equal fresh ones; name the difference otherwise and shut the door."""
    use_installation(data_dir)
    from trilend.tenancy.migration.verification import verify_fleet
    from trilend.wiring import load

    load()
    report = verify_fleet(slugs)
    if as_json:
        click.echo(json.dumps(asdict(report), ensure_ascii=False))
    else:
        click.echo(f"{report.equal} schemas equal a fresh one, {len(report.different)} do not.")
        for slug, difference in report.different.items():
            click.echo(f"{slug}: {difference}")
        for slug in report.behind:
            click.echo(f"{slug} is not at this release yet: run `trilend migrate`.")
    if report.different or report.behind:
        raise click.exceptions.Exit(1)


@click.group()
def operator() -> None:
    """People who may enter the console."""


@operator.command("add")
@click.argument("username")
@click.option("--name", required=True)
@click.option("--password", prompt=True, hide_input=True, confirmation_prompt=True)
@click.pass_obj
def add(data_dir: Any, username: str, name: str, password: str) -> None:
    """Add an operator, or set the password of one that is there."""
    use_installation(data_dir)
    from trilend.console.service import add_operator
    from trilend.tenancy.context import RegistrySession

    with RegistrySession() as session:
        add_operator(session, username=username, name=name, password=password)
        session.commit()
    click.echo(f"{username} may enter the console.")
