"""Commands that exchange keys: a company's data key, and the master key."""

import json
from dataclasses import asdict
from typing import Any

import click

from trilend.cli.main import use_installation


@click.group()
def keys() -> None:
    """The keys of the installation."""


@keys.command("rotate-master")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def rotate_master(data_dir: Any, as_json: bool) -> None:
    """Wrap every data key with TRILEND_MASTER_KEY that TRILEND_MASTER_KEY_OTHER has wrapped."""
    use_installation(data_dir)
    from trilend.storage import master

    report = master.rotate_master()
    if as_json:
        click.echo(json.dumps(asdict(report)))
    else:
        click.echo(f"{report.rewrapped} of {report.total} data keys were wrapped anew.")
        for name in report.failed:
            click.echo(f"{name} is opened by neither master key: its company's data cannot be read.")
        if not report.failed:
            click.echo("No data key needs TRILEND_MASTER_KEY_OTHER any more: take it out of the settings.")
    if report.failed:
        raise click.exceptions.Exit(1)


@click.command("rotate-key")
@click.option("--tenant", "slug", required=True, help="Subdomain.")
@click.option("--here", is_flag=True, help="Seal anew in this process and wait, instead of leaving it to a worker.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def rotate_key(data_dir: Any, slug: str, here: bool, as_json: bool) -> None:
    """Give a company a new data key, and have what older ones have sealed sealed anew."""
    use_installation(data_dir)
    from trilend.errors import TrilendError
    from trilend.jobs.service import run_job
    from trilend.storage import rotation
    from trilend.tenancy.service import tenant_by_slug
    from trilend.wiring import load

    load()
    try:
        tenant = tenant_by_slug(slug)
        number = rotation.new_data_key(tenant.id)
        job = rotation.order_resealing(tenant.id)
        if here:
            run_job(tenant.id, job)
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
    text = f"{slug} seals with data key {number}; job {job} {'has sealed' if here else 'seals'} the rest anew."
    click.echo(json.dumps({"number": number, "job": job}) if as_json else text)


@click.command("forget-keys")
@click.option("--tenant", "slug", required=True, help="Subdomain.")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable.")
@click.pass_obj
def forget_keys(data_dir: Any, slug: str, as_json: bool) -> None:
    """Destroy a company's retired data keys, if nothing is sealed with them any more."""
    use_installation(data_dir)
    from trilend.errors import TrilendError
    from trilend.storage import rotation
    from trilend.tenancy.service import tenant_by_slug
    from trilend.wiring import load

    load()
    try:
        forgotten = rotation.forget_retired_keys(tenant_by_slug(slug))
    except TrilendError as error:
        raise click.ClickException(str(error)) from error
    text = f"{len(forgotten)} retired keys were destroyed: {', '.join(map(str, forgotten)) or 'there was none'}."
    click.echo(json.dumps({"forgotten": forgotten}) if as_json else text)
