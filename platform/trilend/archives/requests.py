"""What people ask for on pages and a worker does: an export for download, a move, a return from the past."""

import base64
from collections.abc import Iterator
from datetime import timedelta
from tempfile import TemporaryFile
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from trilend.archives import passages
from trilend.archives.carrying import Progress
from trilend.archives.errors import Expired, UnknownServer
from trilend.archives.export import export_company
from trilend.archives.keys import ArchiveKey
from trilend.archives.models import Act, Passage, Stage
from trilend.archives.shelves import archive_store, new_archive_name, pieces_of, read_archive
from trilend.config import settings
from trilend.db.base import now
from trilend.jobs.models import RegistryJob
from trilend.jobs.service import enqueue
from trilend.storage.keys import unwrap, wrap
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.models import Tenant
from trilend.tenancy.servers import servers

EXPORT, MOVE, RESTORE = "archives.export", "archives.move", "archives.restore"


def request_export(registry: Session, tenant_id: str, passphrase: str, *, actor: str) -> Passage:
    """Have a company exported for download, in the caller's transaction.

    The passphrase is kept nowhere: the key that it becomes waits for the worker, sealed with the master key.
    """
    slug = registry.get_one(Tenant, tenant_id).slug
    key = ArchiveKey.of_passphrase(passphrase)
    details = {"lock": dict(key.lock), "key": base64.b64encode(wrap(key.secret)).decode()}
    passage = passages.begin(registry, Act.EXPORT, tenant_id, slug, actor=actor, details=details)
    passage.job_id = enqueue(registry, EXPORT, {"passage": passage.id}).id
    return passage


def request_move(registry: Session, tenant_id: str, target: str, *, actor: str) -> int:
    """Have a company moved; returns the job's number. Raises `UnknownServer`."""
    _other_server(registry, tenant_id, target)
    return enqueue(registry, MOVE, {"tenant": tenant_id, "target": target, "actor": actor}).id


def request_restore(registry: Session, tenant_id: str, server: str, slug: str, *, actor: str) -> int:
    """Have an earlier state brought back from one of the configured servers; returns the job's number."""
    _other_server(registry, tenant_id, server)
    return enqueue(registry, RESTORE, {"tenant": tenant_id, "server": server, "slug": slug, "actor": actor}).id


def make_export(passage_id: int, progress: Progress) -> dict[str, Any]:
    """Make the file of a requested export; made again from the beginning if a worker died over it."""
    with passages.held(passage_id) as passage:
        if passage.stage != Stage.BEGUN:
            return {}
        key = ArchiveKey(unwrap(base64.b64decode(passage.details["key"])), passage.details["lock"])
        name = passage.details.get("file") or new_archive_name(passage.tenant_id, "zip")
        passages.note(passage, file=name)
        with TemporaryFile() as file:
            made = export_company(passage.tenant_id, file, key, progress=progress)
            archive_store().write(name, pieces_of(file))
        due = now() + timedelta(days=settings().export_days)
        with RegistrySession() as registry:
            passages.advance(registry, passage, Stage.READY, since=Stage.BEGUN, key="", made=made.to_json())
            registry.get_one(Passage, passage.id).due_at = due
            passages.watch(registry, passage.id, at=due)
            registry.commit()
    return made.to_json()


def forget_export(passage: Passage) -> None:
    """Remove the file of an export."""
    if name := passage.details.get("file"):
        archive_store().delete([name])
    with RegistrySession() as registry:
        last = Stage.DONE if passage.stage == Stage.READY else Stage.UNDONE
        passages.advance(registry, passage, last, since=Stage(passage.stage), key="")
        registry.commit()


def exports_of(registry: Session, tenant_id: str) -> list[tuple[Passage, RegistryJob | None]]:
    """The latest exports of a company with the jobs that make them, newest first."""
    found = (
        select(Passage, RegistryJob)
        .outerjoin(RegistryJob, RegistryJob.id == Passage.job_id)
        .where(Passage.tenant_id == tenant_id, Passage.act == Act.EXPORT)
        .order_by(Passage.id.desc())
        .limit(20)
    )
    return [(passage, job) for passage, job in registry.execute(found)]


def exported_file(registry: Session, tenant_id: str, passage_id: int) -> tuple[Passage, Iterator[bytes]]:
    """An export of this company and its bytes; raises `Expired` for one that is gone, not made, or another's."""
    passage = registry.get(Passage, passage_id)
    if passage is None or (passage.tenant_id, passage.act) != (tenant_id, Act.EXPORT):
        raise Expired
    if passage.stage != Stage.READY or passage.due_at is None or passage.due_at <= now():
        raise Expired
    return passage, read_archive(passage.details["file"])


def _other_server(registry: Session, tenant_id: str, name: str) -> None:
    here = registry.get_one(Tenant, tenant_id).shard
    others = [other for other in servers() if other != here]
    if name not in others:
        raise UnknownServer(name, ", ".join(others) or "-")
