"""Takes a company in from an archive: the same rows, objects and keys, in an installation with keys of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from trilend.archives import envelope
from trilend.archives.carrying import Cargo, Progress, in_silence
from trilend.archives.errors import NewerRelease, NotAnArchive
from trilend.archives.format import Reader
from trilend.archives.landing import Arrival, land, reserve
from trilend.archives.models import Act
from trilend.kinds import kinds
from trilend.storage.keys import KeyRing
from trilend.tenancy.context import BoundTenant
from trilend.tenancy.errors import UnknownKind
from trilend.tenancy.migration.steps import Position, is_newer, targets
from trilend.tenancy.names import is_uscc
from trilend.tenancy.tables import TableRows


def import_company(
    file: Path,
    secret: str,
    *,
    slug: str = "",
    shard: str = "",
    actor: str = "operator",
    job_id: int | None = None,
    progress: Progress = in_silence,
) -> BoundTenant:
    """Take a company in from an archive, opened with its passphrase or the escrow key.

    One of an earlier release comes in as it was and is brought to this one before anybody knows it.
    It comes in on trial: that its papers were verified elsewhere says nothing here. Jobs that waited are set aside and
    connections wait for a test. Raises `NotAnArchive`, `WrongPassphrase`, `NewerRelease`, `OtherRelease`, `AddressTaken` (naming one
    that is free), `CompanyTaken`, `NotFaithful`, `OtherStructure`, `NotBroughtForward`; then nothing is kept.
    """
    with _plain(file, secret) as opened:
        reader = Reader(opened)
        ring = reader.key(secret).open(reader.manifest.keys)
        company = reader.manifest.company
        _fits(reader)
        reader.check()
        passage_id = reserve(
            Act.IMPORT,
            slug=slug or str(company["slug"]),
            uscc=str(company["uscc"]),
            is_copy=False,
            shard=shard,
            actor=actor,
            job_id=job_id,
        )
        return land(passage_id, _arrival(reader, ring, slug or str(company["slug"])), progress)


def _fits(reader: Reader) -> None:
    company = reader.manifest.company
    wanted = {"slug", "kind", "name", "uscc"}
    if not wanted <= company.keys() or not is_uscc(str(company["uscc"])):
        raise NotAnArchive("it does not say whose it is")
    if company["kind"] not in kinds():
        raise UnknownKind(str(company["kind"]))
    theirs = reader.manifest.revision
    if len(theirs.split(".")) != len(fields(Position)):
        raise NotAnArchive("it does not say its revision")
    if is_newer(company["kind"], Position.read(theirs)):
        raise NewerRelease(theirs, targets()[company["kind"]])


def _arrival(reader: Reader, ring: KeyRing, slug: str) -> Arrival:
    manifest = reader.manifest
    tables = [TableRows(name, part.columns) for name, part in manifest.tables.items()]
    return Arrival(
        slug=slug,
        kind=manifest.company["kind"],
        name=manifest.company["name"],
        uscc=manifest.company["uscc"],
        ring=ring,
        cargo=Cargo(tables, lambda table: reader.table(table.name), manifest.sequences),
        objects={name: partial(reader.object, name) for name in manifest.objects},
        object_digests={name: part.sha256 for name, part in manifest.objects.items()},
        revision=manifest.revision,
        expected={name: (part.sha256, part.rows) for name, part in manifest.tables.items()},
    )


@contextmanager
def _plain(file: Path, secret: str) -> Iterator[IO[bytes]]:
    """The archive as a ZIP file; a sealed one is opened into a temporary file that has no name."""
    try:
        given = file.open("rb")
    except OSError as error:
        raise NotAnArchive("it cannot be read") from error
    with given:
        if not envelope.is_sealed(given):
            yield given
            return
        with TemporaryFile() as plain:
            plain.writelines(envelope.opened(given, secret))
            plain.seek(0)
            yield plain
