"""Commands for what operators decide about companies: suspend, resume, verify, plans, domains."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from trilend.cli.main import use_installation

if TYPE_CHECKING:
    from trilend.tenancy.lifecycle.moves import Move
    from trilend.tenancy.lifecycle.service import By
    from trilend.tenancy.models import Tenant

_BY = click.option("--operator", "username", required=True, help="User name of the operator who decides.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
_SLUG = click.argument("slug")


@click.command("suspend")
@_SLUG
@click.option("--reason", required=True, help="One sentence, which the company reads.")
@click.option("--shut", is_flag=True, help="Let nobody in; without it everything can still be read and exported.")
@_BY
@_JSON
@click.pass_obj
def suspend(data_dir: Any, slug: str, reason: str, shut: bool, username: str, as_json: bool) -> None:
    """Suspend a company: its people may read, or with --shut not even that; its jobs wait."""
    use_installation(data_dir)
    from trilend.tenancy.lifecycle.moves import SUSPEND_READING, SUSPEND_SHUT

    _move(slug, SUSPEND_SHUT if shut else SUSPEND_READING, username, reason, as_json=as_json)


@click.command("resume")
@_SLUG
@click.option("--reason", required=True, help="One sentence, which the company reads.")
@_BY
@_JSON
@click.pass_obj
def resume(data_dir: Any, slug: str, reason: str, username: str, as_json: bool) -> None:
    """End a suspension: the company is again what it was before, and its jobs go on."""
    use_installation(data_dir)
    from trilend.tenancy.lifecycle.moves import RESUME

    _move(slug, RESUME, username, reason, as_json=as_json)


@click.command("verify-company")
@_SLUG
@_BY
@_JSON
@click.pass_obj
def verify_company(data_dir: Any, slug: str, username: str, as_json: bool) -> None:
    """Move a company from trial to verified, all of whose papers are accepted, by an operator who accepted none."""
    use_installation(data_dir)
    from trilend.tenancy.lifecycle.moves import VERIFY

    _move(slug, VERIFY, username, "", as_json=as_json)


@click.command("unverify-company")
@_SLUG
@click.option("--reason", required=True, help="One sentence, which the company reads.")
@_BY
@_JSON
@click.pass_obj
def unverify_company(data_dir: Any, slug: str, reason: str, username: str, as_json: bool) -> None:
    """Take a verification back: the company is on trial again and moves no real money."""
    use_installation(data_dir)
    from trilend.tenancy.lifecycle.moves import UNVERIFY

    _move(slug, UNVERIFY, username, reason, as_json=as_json)


@click.command("plan")
@_SLUG
@click.argument("plan")
@click.option("--reason", help="One sentence, which the company reads.")
@_BY
@_JSON
@click.pass_obj
def plan(data_dir: Any, /, slug: str, plan: str, reason: str | None, username: str, as_json: bool) -> None:
    """Give a company another plan."""
    use_installation(data_dir)
    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.plans.service import change_plan

    def change() -> "Tenant":
        with RegistrySession() as registry:
            tenant = change_plan(registry, _tenant(slug).id, plan, _by(username), reason=reason or "")
            registry.commit()
            registry.refresh(tenant)
            return tenant

    _show(_refused_in_words(change), as_json=as_json)


@click.command("log")
@_SLUG
@_JSON
@click.pass_obj
def show_log(data_dir: Any, slug: str, as_json: bool) -> None:
    """Show what happened to a company, newest first: moves, papers, plans, domains."""
    use_installation(data_dir)
    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.lifecycle.service import events_of

    tenant = _refused_in_words(lambda: _tenant(slug))
    with RegistrySession() as registry:
        rows = [
            {
                "at": event.created_at.isoformat(),
                "act": event.act,
                "operator": event.operator,
                "reason": event.reason,
                "details": event.details,
            }
            for event in events_of(registry, tenant.id)
        ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['at']:<34} {row['act']:<16} {row['operator']:<12} {row['reason']}")
    if not rows:
        click.echo("Nothing has been done with this company yet.")


@click.command("domains")
@_JSON
@click.pass_obj
def domains(data_dir: Any, as_json: bool) -> None:
    """List the proved domains of all companies: those for which the ingress needs a host and a certificate."""
    use_installation(data_dir)
    from sqlalchemy import select

    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.domains.models import Domain, DomainState
    from trilend.tenancy.models import Tenant

    with RegistrySession() as registry:
        found = registry.execute(
            select(Domain.host, Tenant.slug)
            .join(Tenant, Tenant.id == Domain.tenant_id)
            .where(Domain.state == DomainState.VERIFIED)
            .order_by(Domain.host)
        )
        rows = [{"host": row.host, "slug": row.slug} for row in found]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    for row in rows:
        click.echo(f"{row['host']:<40} {row['slug']}")
    if not rows:
        click.echo("No company has proved a domain yet.")


COMMANDS = (suspend, resume, verify_company, unverify_company, plan, show_log, domains)


def _move(slug: str, move: "Move", username: str, reason: str, *, as_json: bool) -> None:
    from trilend.company.inspection import move_company
    from trilend.wiring import load, speaking

    load()
    with speaking():
        moved = _refused_in_words(lambda: move_company(_tenant(slug).id, move, _by(username), reason))
    _show(moved, as_json=as_json)


def _tenant(slug: str) -> "Tenant":
    from sqlalchemy import select

    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.errors import UnknownTenant
    from trilend.tenancy.models import Tenant

    with RegistrySession() as registry:
        found = registry.scalar(select(Tenant).where(Tenant.slug == slug))
        if found is None:
            raise UnknownTenant(slug)
        registry.expunge(found)
        return found


def _by(username: str) -> "By":
    from sqlalchemy import select

    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.lifecycle.service import By
    from trilend.tenancy.models import Operator

    with RegistrySession() as registry:
        operator = registry.scalar(select(Operator).where(Operator.username == username, Operator.active.is_(True)))
        if operator is None:
            raise click.ClickException(f"No operator is called {username}. Add one with `trilend operator add`.")
        return By.operator(operator)


def _refused_in_words(act: "Callable[[], Tenant]") -> "Tenant":
    from trilend.errors import TrilendError

    try:
        return act()
    except TrilendError as error:
        raise click.ClickException(str(error)) from error


def _show(tenant: "Tenant", *, as_json: bool) -> None:
    found = {
        "id": tenant.id,
        "slug": tenant.slug,
        "state": str(tenant.state),
        "suspension": str(tenant.suspension),
        "plan": tenant.plan,
    }
    if as_json:
        click.echo(json.dumps(found))
        return
    shut = f", {found['suspension']}" if tenant.state == "suspended" else ""
    click.echo(
        f"{tenant.slug} is {tenant.state}{shut}, plan {tenant.plan}. Web processes act on it within five seconds."
    )
