"""Commands that look after the audit logs of companies."""

import json
from typing import Any

import click

from trilend.cli.main import use_installation


@click.group()
def audit() -> None:
    """Audit logs of companies."""


@audit.command("verify")
@click.option("--tenant", "slugs", multiple=True, help="Subdomain; all companies if not given.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def verify(data_dir: Any, slugs: tuple[str, ...], as_json: bool) -> None:
    """Prove that audit logs are as they were written; name the first line of each that is not, and why."""
    use_installation(data_dir)
    from trilend.errors import TrilendError
    from trilend.tenancy.service import open_tenants, tenant_by_slug
    from trilend.wiring import load

    load()
    try:
        tenants = [tenant_by_slug(slug) for slug in slugs] if slugs else open_tenants()
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
    found = []
    for tenant in tenants:
        found.append(_verified(tenant))
        if not as_json:
            click.echo(_sentence(found[-1]))
    broken = [each for each in found if each["problem"]]
    if as_json:
        click.echo(json.dumps({"checked": len(found), "broken": len(broken), "tenants": found}, ensure_ascii=False))
    elif not found:
        click.echo("No company is signed up yet.")
    if broken:
        raise click.exceptions.Exit(1)


def _verified(tenant: Any) -> dict[str, Any]:
    from trilend.auditing.checks import check_log
    from trilend.tenancy.context import bound, tenant_session

    with bound(tenant):
        verdict = check_log(tenant_session())
    anchor, problem = verdict.anchor, verdict.problem
    return {
        "tenant": tenant.slug,
        "lines": verdict.chain.end,
        "intact": verdict.chain.intact,
        "anchored": anchor.number if anchor else 0,
        "anchored_at": anchor.signed_at.isoformat() if anchor else None,
        "anchored_by": anchor.signer if anchor else None,
        "by_authority": anchor.by_authority if anchor else False,
        "problem": {"number": problem.number, "kind": str(problem.kind), "why": problem.why} if problem else None,
    }


def _sentence(found: dict[str, Any]) -> str:
    if found["problem"]:
        problem = found["problem"]
        return f"{found['tenant']}: no. {problem['number']} {problem['kind']}: {problem['why']}"
    if not found["anchored"]:
        return f"{found['tenant']}: {found['lines']} lines, intact, not signed yet"
    return (
        f"{found['tenant']}: {found['lines']} lines, intact; up to no. {found['anchored']} signed at "
        f"{found['anchored_at']} by {found['anchored_by']}{'' if found['by_authority'] else ', which is this installation itself'}"
    )
