"""Closes a company in two acts with time between them: announced and read-only, then archived, emptied and forgotten."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from hashlib import sha256
from tempfile import TemporaryFile

import structlog
from sqlalchemy import select

from trilend.archives import passages
from trilend.archives.carrying import Progress, in_silence, remove_space
from trilend.archives.doors import give_back_door, take_door
from trilend.archives.envelope import Envelope
from trilend.archives.errors import NoEscrow, NotClosing, NotFaithful, NotReady, StillWritten
from trilend.archives.export import export_company
from trilend.archives.keys import ArchiveKey
from trilend.archives.models import Act, Passage, Stage
from trilend.archives.moving import settle
from trilend.archives.shelves import (
    ARCHIVES,
    archive_store,
    archives_of,
    clear_objects,
    new_archive_name,
    pieces_of,
    read_archive,
)
from trilend.config import settings
from trilend.db.base import now
from trilend.storage.keys import destroy_keys
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.door import Reason
from trilend.tenancy.lifecycle.moves import CLOSE
from trilend.tenancy.lifecycle.service import PLATFORM, By, log_event, make_move
from trilend.tenancy.models import Door, Tenant, TenantState
from trilend.tenancy.servers import owner_connection
from trilend.tenancy.standstill import StillWriting, let_write, rights_to_write, stop_writing

log = structlog.get_logger(__name__)

FINAL = "final"


def announce_closing(tenant_id: str, *, actor: str = "operator", days: int | None = None) -> Passage:
    """Begin the time of grace: from now on the company can only be read and exported; raises `NoEscrow`, `Busy`.

    `days` of grace, by default those of the settings. When they are over a job carries the closing out.
    """
    if not settings().escrow_public_key:
        raise NoEscrow
    settle(tenant_id)
    due = now() + timedelta(days=settings().closing_grace_days if days is None else days)
    with RegistrySession() as registry:
        tenant = registry.get_one(Tenant, tenant_id, with_for_update=True)
        if tenant.state in (TenantState.PROVISIONING, TenantState.CLOSED):
            raise NotReady(tenant.slug)
        passage = passages.begin(
            registry, Act.CLOSE, tenant_id, tenant.slug, actor=actor, stage=Stage.ANNOUNCED, due_at=due
        )
        take_door(registry, passage, Door.READ_ONLY, Reason.CLOSING, until=due)
        log_event(registry, tenant_id, "closing_announced", By(actor), due=due.isoformat())
        registry.commit()
        registry.refresh(passage)
        registry.expunge(passage)
    log.info("closing announced", tenant=passage.slug, due=due.isoformat(), actor=actor)
    return passage


def take_back_closing(tenant_id: str, *, actor: str = "operator") -> None:
    """Within the time of grace, and until it is carried out, all is as it was; raises `NotClosing`."""
    with passages.held(_closing_of(tenant_id)) as passage, RegistrySession() as registry:
        passages.advance(registry, passage, Stage.UNDONE, since=Stage.ANNOUNCED, taken_back_by=actor)
        if rights := passage.details.get("rights"):
            with owner_connection(_shard(passage), autocommit=True) as owner:
                let_write(owner, f"t_{tenant_id}", rights)
        give_back_door(registry, passage)
        log_event(registry, tenant_id, "closing_taken_back", By(actor))
        registry.commit()


def finish_closing(tenant_id: str, *, progress: Progress = in_silence) -> Passage:
    """Carry an announced closing out once its time of grace is over; raises `NotClosing` before."""
    with passages.held(_closing_of(tenant_id)) as passage:
        carry_out(passage, progress)
        return passage


def carry_out(passage: Passage, progress: Progress = in_silence) -> None:
    """Archive, then seal: from that transaction on the company is closed and its keys are gone. Then clear away.

    Killed before the sealing, it begins again with a new archive; killed after it, it goes on clearing.
    """
    if passage.stage == Stage.ANNOUNCED:
        if passage.due_at is None or passage.due_at > now():
            raise NotClosing(passage.due_at)
        _seal(passage, _final_archive(passage, progress))
    if passage.stage == Stage.SEALED:
        _clear(passage)


def _final_archive(passage: Passage, progress: Progress) -> dict[str, object]:
    """Make the archive, put it where archives are, and read it back: only what is surely there may replace a company.

    Behind the wall: nothing may be written after the archive's snapshot.
    """
    _stop_writing(passage)
    key = ArchiveKey.of_escrow(settings().escrow_public_key)
    _forget_attempts(passage)
    name = new_archive_name(f"{passage.tenant_id}/{FINAL}", "trilend")
    with TemporaryFile() as file:
        made = export_company(passage.tenant_id, file, key, around=partial(Envelope, key=key), progress=progress)
        passages.note(passage, attempt=name)
        archive_store().write(name, pieces_of(file))
    if _digest(read_archive(name)) != made.sha256:
        raise NotFaithful(name)
    return {"archive": name} | made.to_json()


def _stop_writing(passage: Passage) -> None:
    schema = f"t_{passage.tenant_id}"
    with owner_connection(_shard(passage), autocommit=True) as owner:
        if "rights" not in passage.details:
            passages.note(passage, rights=rights_to_write(owner, schema))
        try:
            stop_writing(owner, schema)
        except StillWriting as error:
            raise StillWritten from error


def _seal(passage: Passage, archive: dict[str, object]) -> None:
    with RegistrySession() as registry:
        tenant = registry.get_one(Tenant, passage.tenant_id, with_for_update=True)
        passages.advance(registry, passage, Stage.SEALED, since=Stage.ANNOUNCED, archive=archive)
        make_move(registry, tenant.id, CLOSE, PLATFORM, reason=f"announced by {passage.actor}, time of grace over")
        tenant.door, tenant.door_reason, tenant.door_until = Door.SHUT, Reason.CLOSING, None
        destroy_keys(registry, passage.tenant_id)
        registry.commit()
    log.info("company closed", tenant=passage.slug, archive=archive["archive"], sha256=archive["sha256"])


def _clear(passage: Passage) -> None:
    remove_space(_shard(passage), f"t_{passage.tenant_id}")
    removed = clear_objects(passage.tenant_id)
    _forget_exports(passage.tenant_id)
    with RegistrySession() as registry:
        passages.advance(registry, passage, Stage.DONE, since=Stage.SEALED, objects_removed=removed)
        registry.commit()


def _forget_attempts(passage: Passage) -> None:
    """An archive that was begun and not sealed is of no use; the next one is made anew."""
    if attempt := passage.details.get("attempt"):
        archive_store().delete([attempt])


def _forget_exports(tenant_id: str) -> None:
    """Exports that wait for their download carry the keys under a passphrase: they go with the company."""
    final = f"{ARCHIVES}/{tenant_id}/{FINAL}/"
    archive_store().delete([name for name in archives_of(tenant_id) if not name.startswith(final)])


def _closing_of(tenant_id: str) -> int:
    found = passages.unfinished(tenant_id, Act.CLOSE)
    if not found:
        raise NotClosing
    return found[0]


def _shard(passage: Passage) -> str:
    with RegistrySession() as registry:
        return registry.scalars(select(Tenant.shard).where(Tenant.id == passage.tenant_id)).one()


def _digest(pieces: Iterator[bytes]) -> str:
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
