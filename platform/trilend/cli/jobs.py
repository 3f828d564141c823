"""Commands for work that failed for good: list it, try it again, give it up."""

import getpass
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click

from trilend.cli.main import use_installation

_COMPANY = click.option("--tenant", "slug", help="Subdomain, or `platform`; all if not given.")
_NAME = click.option("--job", "name", help="Sort of work, such as messages.send; all if not given.")
_ALL = click.option("--all", "everything", is_flag=True, help="All that match instead of single ones.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
_HANDLES = click.argument("handles", nargs=-1, metavar="[COMPANY:ID]...")


@click.group()
def jobs() -> None:
    """Background work that failed for good."""


@jobs.command("list")
@_COMPANY
@_NAME
@_JSON
@click.pass_obj
def list_failed(data_dir: Any, slug: str | None, name: str | None, as_json: bool) -> None:
    """List what failed: where, what, why, how often it was attempted."""
    _open(data_dir)
    from trilend.jobs.dead_letters import failed_jobs

    found = [letter for tenant in _tenants(slug) for letter in failed_jobs(tenant, name=name or "", limit=1000)]
    if as_json:
        click.echo(json.dumps([asdict(letter) for letter in found], default=str, ensure_ascii=False))
        return
    for letter in found:
        click.echo(f"{letter.handle:<32} {letter.name:<28} {letter.attempts:>3}  {letter.error}: {letter.note}")
    if not found:
        click.echo("No work has failed.")


@jobs.command("retry")
@_HANDLES
@_COMPANY
@_NAME
@_ALL
@_JSON
@click.pass_obj
def retry_failed(
    data_dir: Any, handles: tuple[str, ...], slug: str | None, name: str | None, everything: bool, as_json: bool
) -> None:
    """Try failed work again, with all its attempts: single ones as `trilend jobs list` names them, or all."""
    _open(data_dir)
    from trilend.jobs.dead_letters import retry

    count = _each(handles, slug, everything, lambda tenant, ids: retry(tenant, ids, _actor(), name=name or ""))
    click.echo(json.dumps({"retried": count}) if as_json else f"{count} are tried again.")


@jobs.command("discard")
@_HANDLES
@_COMPANY
@_NAME
@_ALL
@click.option("--reason", required=True, help="Why it is given up; kept with the work and in the audit log.")
@_JSON
@click.pass_obj
def discard_failed(
    data_dir: Any,
    handles: tuple[str, ...],
    slug: str | None,
    name: str | None,
    everything: bool,
    reason: str,
    as_json: bool,
) -> None:
    """Give failed work up."""
    _open(data_dir)
    from trilend.jobs.dead_letters import discard

    count = _each(
        handles, slug, everything, lambda tenant, ids: discard(tenant, ids, _actor(), reason, name=name or "")
    )
    click.echo(json.dumps({"discarded": count}) if as_json else f"{count} are given up.")


def _open(data_dir: Any) -> None:
    use_installation(data_dir)
    from trilend.wiring import load

    load()


def _actor() -> Any:
    from trilend.audit.service import Actor

    return Actor(f"trilend jobs ({getpass.getuser()})"[:100])


def _each(handles: Sequence[str], slug: str | None, everything: bool, act: Any) -> int:
    from trilend.errors import TrilendError

    if bool(handles) == everything:
        raise click.UsageError("Name the work (COMPANY:ID, as `trilend jobs list` shows it), or give --all.")
    try:
        chosen = dict.fromkeys(_tenants(slug)) if everything else _chosen(handles)
        return sum(act(tenant, ids) for tenant, ids in chosen.items())
    except TrilendError as error:
        raise click.ClickException(str(error)) from error


def _chosen(handles: Sequence[str]) -> Mapping[Any, Sequence[int] | None]:
    by_company: dict[str, list[int]] = defaultdict(list)
    for handle in handles:
        slug, _, number = handle.rpartition(":")
        if not slug or not number.isdigit():
            raise click.UsageError(f"{handle} is not COMPANY:ID.")
        by_company[slug].append(int(number))
    return {_tenants(slug)[0]: ids for slug, ids in by_company.items()}


def _tenants(slug: str | None) -> list[Any]:
    from trilend.errors import TrilendError
    from trilend.jobs.dead_letters import PLATFORM, tenants_to_settle
    from trilend.tenancy.service import tenant_by_slug

    if not slug:
        return list(tenants_to_settle())
    try:
        return [None if slug == PLATFORM else tenant_by_slug(slug)]
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
