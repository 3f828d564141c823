"""Carries a company out into one file: rows of one moment, sealed objects, and a manifest with a hash of each."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import IO

from trilend.archives.carrying import Progress, in_silence
from trilend.archives.errors import NotReady, OtherRelease
from trilend.archives.format import Manifest, Sink, Writer
from trilend.archives.keys import ArchiveKey
from trilend.archives.shelves import objects_of, read_object
from trilend.db.base import now
from trilend.storage.keys import KeyRing, ring_of
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.models import TenantState
from trilend.tenancy.servers import owner_connection
from trilend.tenancy.service import tenant_by_id
from trilend.tenancy.tables import Tally, begin_snapshot, rows_of, sequences_of, tables_of

_CARRIED = ("id", "slug", "kind", "name", "uscc", "state")


@dataclass(frozen=True)
class Exported:
    """What an archive holds, and the SHA-256 and size in bytes of the file itself."""

    sha256: str
    size: int
    tables: int
    rows: int
    objects: int

    def to_json(self) -> dict[str, object]:
        """For reports."""
        return asdict(self)


def export_company(
    tenant_id: str,
    target: IO[bytes],
    key: ArchiveKey,
    *,
    progress: Progress = in_silence,
    around: Callable[[Sink], Sink] | None = None,
) -> Exported:
    """Write an archive of a company to a file; raises `NotReady`, `OtherRelease`.

    One snapshot gives all rows, so that work can go on. Objects never change once they are written, and they are
    listed after the snapshot was taken: every one that its rows name is among them. Memory stays bounded by pieces of
    a quarter of a megabyte. `around` may seal the whole file.
    """
    counted = _Counted(target)
    sink: Sink = around(counted) if around else counted
    manifest = _write(_ready(tenant_id), Writer(sink), key, progress)
    sink.close()
    return Exported(
        sha256=counted.digest.hexdigest(),
        size=counted.size,
        tables=len(manifest.tables),
        rows=sum(part.rows for part in manifest.tables.values()),
        objects=len(manifest.objects),
    )


def _write(tenant: BoundTenant, writer: Writer, key: ArchiveKey, progress: Progress) -> Manifest:
    before = _ring(tenant.id)
    with owner_connection(tenant.shard, autocommit=True) as connection:
        begin_snapshot(connection, tenant.schema)
        # Keys may be rotated at this moment: one that the rows need was there before the snapshot, or is there after.
        after = _ring(tenant.id)
        ring = KeyRing({**before.keys, **after.keys}, after.active)
        tables = tables_of(connection, tenant.schema)
        names = objects_of(tenant.id)
        manifest = Manifest(
            company={name: getattr(tenant, name) for name in _CARRIED},
            revision=tenant.revision,
            made_at=now().isoformat(),
            sequences=sequences_of(connection, tenant.schema),
            keys=key.seal(ring),
            lock=key.lock,
        )
        steps = len(tables) + len(names)
        for done, table in enumerate(tables, start=1):
            tally = Tally()
            writer.table(manifest, table.name, table.columns, rows_of(connection, table, tally), tally)
            progress(done, steps, table.name)
        connection.execute("COMMIT")
    _add_objects(writer, manifest, tenant.id, names, lambda done: progress(len(tables) + done, steps, "objects"))
    writer.end(manifest, key)
    return manifest


def _add_objects(
    writer: Writer, manifest: Manifest, tenant_id: str, names: list[str], told: Callable[[int], None]
) -> None:
    for done, name in enumerate(names, start=1):
        writer.object(manifest, name, read_object(tenant_id, name))
        told(done)


def _ready(tenant_id: str) -> BoundTenant:
    tenant = tenant_by_id(tenant_id)
    if tenant.state in (TenantState.PROVISIONING, TenantState.CLOSED):
        raise NotReady(tenant.slug)
    if tenant.revision != targets().get(tenant.kind):
        raise OtherRelease(tenant.revision, targets().get(tenant.kind, "-"))
    return tenant


def _ring(tenant_id: str) -> KeyRing:
    with RegistrySession() as registry:
        ring = ring_of(registry, tenant_id)
        registry.commit()
    return ring


class _Counted:
    """A file that is only written to, counted and digested on the way."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.digest = sha256()
        self.size = 0

    def write(self, piece: bytes) -> int:
        self.digest.update(piece)
        self.size += len(piece)
        self._target.write(piece)
        return len(piece)

    def flush(self) -> None:
        self._target.flush()

    def close(self) -> None:
        """The file itself belongs to the caller."""
        self._target.flush()
