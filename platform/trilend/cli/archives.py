"""Commands that carry a company as a whole: out, in, to another server, back from the past, and to its end."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from trilend.cli.main import use_installation

_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable.")


@click.command("export")
@click.argument("slug")
@click.option(
    "--to", "target", required=True, type=click.Path(dir_okay=False, path_type=Path), help="File to be written."
)
@click.option(
    "--passphrase",
    prompt=True,
    hide_input=True,
    confirmation_prompt=True,
    envvar="TRILEND_ARCHIVE_PASSPHRASE",
    help="Seals the company's keys; 12 characters or more. Asked for if not given.",
)
@_json
@click.pass_obj
def export(data_dir: Path, slug: str, target: Path, passphrase: str, as_json: bool) -> None:
    """Write a company's archive: its rows of one moment, its sealed documents, its keys, and a hash of each part."""
    tenant_id = _tenant_id(data_dir, slug)
    from trilend.archives.export import export_company
    from trilend.archives.keys import SHORTEST_PASSPHRASE, ArchiveKey

    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise click.UsageError(f"The passphrase needs {SHORTEST_PASSPHRASE} characters or more.")
    with _refusals(), _written(target) as file:
        made = export_company(tenant_id, file, ArchiveKey.of_passphrase(passphrase), progress=_teller(as_json))
    _tell(
        as_json,
        {"slug": slug, "file": str(target)} | made.to_json(),
        f"{slug} is in {target}: {made.rows} rows, {made.objects} documents, SHA-256 {made.sha256}.",
    )


@click.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--slug", help="Another subdomain than the one in the archive.")
@click.option("--server", help="Database server; that for new companies if not given.")
@click.option(
    "--passphrase",
    prompt="Passphrase or escrow key",
    hide_input=True,
    envvar="TRILEND_ARCHIVE_PASSPHRASE",
    help="Opens the archive; for a final archive the private escrow key. Asked for if not given.",
)
@_json
@click.pass_obj
def import_(data_dir: Path, file: Path, slug: str | None, server: str | None, passphrase: str, as_json: bool) -> None:
    """Take a company in from an archive; nothing is kept unless it equals the archive row by row."""
    _load(data_dir)
    from trilend.archives.imports import import_company

    with _refusals():
        made = import_company(file, passphrase, slug=slug or "", shard=server or "", progress=_teller(as_json))
    _tell(
        as_json,
        {"id": made.id, "slug": made.slug, "kind": made.kind, "state": made.state, "server": made.shard},
        f"{made.name} is at {made.slug}. Jobs that waited are set aside, and connections wait for a test.",
    )


@click.command("move")
@click.argument("slug")
@click.option("--to", "target", required=True, help="Name of the database server, as in TRILEND_SHARDS, or primary.")
@_json
@click.pass_obj
def move(data_dir: Path, slug: str, target: str, as_json: bool) -> None:
    """Move a company to another database server; it can be read all the time, and written to but for some seconds."""
    tenant_id = _tenant_id(data_dir, slug)
    from trilend.archives.moving import move_company

    with _refusals():
        moved = move_company(tenant_id, target, progress=_teller(as_json))
    _tell(
        as_json,
        moved.to_json(),
        f"{slug} has moved from {moved.source} to {moved.target}: {moved.rows} rows; it could only be read for "
        f"{moved.seconds_read_only:.1f} s.",
    )


@click.command("restore")
@click.argument("slug")
@click.option("--from-server", "url", required=True, help="Address of the restored server, as the owner of schemas.")
@click.option("--as", "new_slug", required=True, help="Subdomain of the earlier state.")
@click.option("--server", help="Database server; that of the living company if not given.")
@_json
@click.pass_obj
def restore(data_dir: Path, slug: str, url: str, new_slug: str, server: str | None, as_json: bool) -> None:
    """Bring an earlier state of a company beside the living one, from a server restored to that moment."""
    tenant_id = _tenant_id(data_dir, slug)
    from trilend.archives.restoring import restore_company

    with _refusals():
        made = restore_company(tenant_id, url, new_slug, shard=server or "", progress=_teller(as_json))
    _tell(
        as_json,
        {"id": made.id, "slug": made.slug, "copy_of": tenant_id, "door": made.door},
        f"The earlier state of {slug} is at {made.slug} and can be read. `trilend tenant open {made.slug}` lets people "
        "work in it.",
    )


@click.command("open")
@click.argument("slug")
@_json
@click.pass_obj
def open_(data_dir: Path, slug: str, as_json: bool) -> None:
    """Let people work in an earlier state that was brought back."""
    tenant_id = _tenant_id(data_dir, slug)
    from trilend.archives.restoring import open_copy

    with _refusals():
        open_copy(tenant_id)
    _tell(as_json, {"slug": slug, "door": "open"}, f"{slug} is open.")


@click.command("close")
@click.argument("slug")
@click.option("--days", type=click.IntRange(min=0), help="Days of grace; those of the settings if not given.")
@click.option("--finish", is_flag=True, help="Carry out a closing whose time of grace is over.")
@click.option("--take-back", is_flag=True, help="Take an announced closing back.")
@_json
@click.pass_obj
def close(data_dir: Path, slug: str, days: int | None, finish: bool, take_back: bool, as_json: bool) -> None:
    """Announce that a company is closed, which then can only be read; carry it out, or take it back."""
    if finish and take_back:
        raise click.UsageError("Give --finish or --take-back, not both.")
    tenant_id = _tenant_id(data_dir, slug)
    from trilend.archives import closing

    with _refusals():
        if take_back:
            closing.take_back_closing(tenant_id)
            _tell(as_json, {"slug": slug, "stage": "undone"}, f"{slug} is not closed.")
        elif finish:
            done = closing.finish_closing(tenant_id, progress=_teller(as_json))
            archive = done.details["archive"]
            _tell(
                as_json,
                {"slug": slug, "stage": done.stage, "archive": archive},
                f"{slug} is closed. Its final archive is {archive['archive']}, SHA-256 {archive['sha256']}.",
            )
        else:
            announced = closing.announce_closing(tenant_id, days=days)
            due = announced.due_at.isoformat() if announced.due_at else ""
            _tell(
                as_json,
                {"slug": slug, "stage": announced.stage, "due_at": due},
                f"{slug} can only be read from now on, and is closed after {due} unless that is taken back.",
            )


@click.command("escrow")
@_json
def escrow(as_json: bool) -> None:
    """Make a pair of escrow keys: the private one, for the safe, opens final archives; the public one is a setting."""
    from trilend.archives.keys import new_escrow_pair

    private, public = new_escrow_pair()
    _tell(
        as_json,
        {"private": private, "public": public},
        f"For the safe, and nowhere else:  {private}\nTRILEND_ESCROW_PUBLIC_KEY={public}",
    )


COMMANDS = (export, import_, move, restore, open_, close, escrow)


def _load(data_dir: Path) -> None:
    use_installation(data_dir)
    from trilend.wiring import load

    load()


def _tenant_id(data_dir: Path, slug: str) -> str:
    """The company at a subdomain, whatever its state."""
    _load(data_dir)
    from sqlalchemy import select

    from trilend.tenancy.context import RegistrySession
    from trilend.tenancy.models import Tenant

    with RegistrySession() as registry:
        found = registry.scalar(select(Tenant.id).where(Tenant.slug == slug))
    if found is None:
        raise click.ClickException(f"No company has the address {slug}; `trilend tenant list` names them all.")
    return found


@contextmanager
def _refusals() -> Iterator[None]:
    """A refusal ends the command with its sentence and the exit code 1."""
    from trilend.errors import TrilendError

    try:
        yield
    except TrilendError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _written(target: Path) -> Iterator[Any]:
    """A new file that only its owner can read, and that has its name only once it is whole."""
    aside = target.with_name(f"{target.name}.part")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)


def _teller(as_json: bool) -> Callable[[int, int, str], None]:
    """Says once a second how far it is."""
    last = [time.monotonic()]

    def tell(done: int, total: int, what: str) -> None:
        if not as_json and (time.monotonic() - last[0] > 1.0):
            last[0] = time.monotonic()
            click.echo(f"{done} of {total}: {what}", err=True)

    return tell


def _tell(as_json: bool, values: Mapping[str, object], sentence: str) -> None:
    click.echo(json.dumps(values, ensure_ascii=False) if as_json else sentence)
