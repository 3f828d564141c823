"""Moves a company to another database server while it is read, with nothing written in between and nothing lost.

The order is what makes it safe: the new space is made · the wall goes up at the old one (`tenancy.standstill`), from
which moment nothing can be written there, whoever remembers what · one snapshot behind the wall is carried over and
compared · one transaction of the registry says where the company lives · the old space goes after a while. Killed
before the switch, all is undone; killed after it, all goes on.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta

import structlog
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from trilend.archives import passages
from trilend.archives.carrying import Progress, cargo_of, in_silence, make_empty_space, remove_space, take_in
from trilend.archives.doors import give_back_door, take_door
from trilend.archives.errors import NotReady, OtherRelease, Overtaken, StillWritten, Undone, UnknownServer
from trilend.archives.models import Act, Passage, Stage
from trilend.config import settings
from trilend.db.base import now
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.door import Reason
from trilend.tenancy.errors import UnknownTenant
from trilend.tenancy.lifecycle.service import By, log_event
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.models import Door, Tenant, TenantState
from trilend.tenancy.servers import PRIMARY, owner_connection, servers
from trilend.tenancy.service import CACHE_SECONDS, emptiest_cell
from trilend.tenancy.standstill import StillWriting, let_write, rights_to_write, stop_writing
from trilend.tenancy.tables import Connection, begin_snapshot

log = structlog.get_logger(__name__)

_LEFT = "schema_version_left_behind"


@dataclass(frozen=True)
class Moved:
    """Where a company went, how much it took, and for how many seconds it could only be read."""

    slug: str
    source: str
    target: str
    rows: int
    size: int
    seconds_read_only: float

    def to_json(self) -> dict[str, object]:
        """For reports."""
        return asdict(self)


def move_company(
    tenant_id: str, target: str, *, actor: str = "operator", job_id: int | None = None, progress: Progress = in_silence
) -> Moved:
    """Move a company to another server; raises `UnknownServer`, `NotReady`, `OtherRelease`, `Busy`, `StillWritten`.

    What an earlier move has left over is dealt with first: undone if it was killed before its switch, cleared if after.
    """
    settle(tenant_id)
    with RegistrySession() as registry:
        tenant = registry.scalar(select(Tenant).where(Tenant.id == tenant_id).with_for_update())
        if tenant is None:
            raise UnknownTenant(tenant_id)
        place = _place(registry, tenant, target)
        passage_id = passages.begin(
            registry, Act.MOVE, tenant_id, tenant.slug, actor=actor, details=place, job_id=job_id
        ).id
        registry.commit()
    with passages.held(passage_id) as passage:
        try:
            moved = _carry(passage, progress)
        except BaseException as error:
            _undo(passage, str(error))
            raise
    return moved


def settle(tenant_id: str) -> None:
    """Bring every unfinished move of a company to an end: back before its switch, forward after it."""
    for passage_id in passages.unfinished(tenant_id, Act.MOVE):
        with passages.held(passage_id) as passage:
            recover(passage)


def recover(passage: Passage) -> None:
    """Undo a move that was left before its switch; clear the old space of one that was left after it."""
    if passage.stage in (Stage.BEGUN, Stage.UNDOING):
        _undo(passage, "the process that moved it ended")
    elif passage.stage == Stage.SWITCHED:
        _clear(passage)


def _place(registry: Session, tenant: Tenant, target: str) -> dict[str, object]:
    others = [name for name in servers() if name != tenant.shard]
    if target not in others:
        raise UnknownServer(target, ", ".join(others) or "-")
    if tenant.state in (TenantState.PROVISIONING, TenantState.CLOSED):
        raise NotReady(tenant.slug)
    if tenant.revision != targets().get(tenant.kind):
        raise OtherRelease(tenant.revision, targets().get(tenant.kind, "-"))
    return {
        "source": tenant.shard,
        "source_cell": tenant.cell,
        "target": target,
        "target_cell": emptiest_cell(registry, target),
        "kind": tenant.kind,
        "revision": tenant.revision,
    }


def _carry(passage: Passage, progress: Progress) -> Moved:
    place, schema = passage.details, f"t_{passage.tenant_id}"
    # The registry says that the company lives elsewhere: whatever is there was left by a process that was killed.
    remove_space(place["target"], schema)
    with owner_connection(place["target"]) as target:
        make_empty_space(target, schema, place["target_cell"], place["kind"])
        with _wall(passage) as source:
            begun = time.monotonic()
            arrived = take_in(target, schema, cargo_of(source, schema), progress)
            source.execute("COMMIT")
            target.commit()
            with _steps_kept_out(place["source"], schema):
                _switch(passage)
            seconds = time.monotonic() - begun
    return Moved(
        slug=passage.slug,
        source=place["source"],
        target=place["target"],
        rows=sum(tally.rows for tally in arrived.values()),
        size=sum(tally.size for tally in arrived.values()),
        seconds_read_only=round(seconds, 3),
    )


@contextmanager
def _wall(passage: Passage) -> Iterator[Connection]:
    """Stop all writing at the old place, and give a connection that has begun a snapshot of what is there now."""
    place, schema = passage.details, f"t_{passage.tenant_id}"
    with owner_connection(place["source"], autocommit=True) as source:
        passages.note(passage, rights=rights_to_write(source, schema))
        with RegistrySession() as registry:
            take_door(registry, passage, Door.READ_ONLY, Reason.MOVING)
            registry.commit()
        try:
            stop_writing(source, schema)
        except StillWriting as error:
            raise StillWritten from error
        begin_snapshot(source, schema)
        yield source


@contextmanager
def _steps_kept_out(shard: str, schema: str) -> Iterator[None]:
    """Let no migration take a step at the old place around the switch, and none after it.

    A run over the fleet that remembers the old place would record a step there that the new place has not taken. Once
    the table of steps has another name, it fails instead, and says so.
    """
    with owner_connection(shard) as guard:
        guard.execute(f"SET LOCAL lock_timeout = '10s'; LOCK TABLE {schema}.schema_version IN SHARE MODE".encode())
        yield
        guard.execute(f"ALTER TABLE {schema}.schema_version RENAME TO {_LEFT}".encode())


def _switch(passage: Passage) -> None:
    """The moment from which the company lives in its new place."""
    place = passage.details
    due = now() + timedelta(hours=settings().moved_space_hours)
    with RegistrySession() as registry:
        passages.advance(registry, passage, Stage.SWITCHED, since=Stage.BEGUN, switched_at=time.time())
        moved = registry.execute(
            update(Tenant)
            .where(
                Tenant.id == passage.tenant_id, Tenant.shard == place["source"], Tenant.revision == place["revision"]
            )
            .values(shard=place["target"], cell=place["target_cell"])
            .returning(Tenant.id)
        ).one_or_none()
        if moved is None:
            raise Overtaken
        give_back_door(registry, passage)
        log_event(
            registry,
            passage.tenant_id,
            "moved",
            By(passage.actor),
            source=place["source"],
            target=place["target"],
        )
        passages.watch(registry, passage.id, at=due)
        registry.get_one(Passage, passage.id).due_at = due
        registry.commit()
    log.info("company moved", tenant=passage.slug, source=place["source"], target=place["target"])


def _undo(passage: Passage, fault: str) -> None:
    """Give the old place back its rights, and only then its door; what was made at the new one goes."""
    with RegistrySession() as registry:
        stage = registry.get_one(Passage, passage.id).stage
        if stage == Stage.BEGUN:
            passages.advance(registry, passage, Stage.UNDOING, since=Stage.BEGUN, fault=fault)
            registry.commit()
        elif stage != Stage.UNDOING:
            return
    place, schema = passage.details, f"t_{passage.tenant_id}"
    remove_space(place["target"], schema)
    if place.get("rights"):
        with owner_connection(place["source"], autocommit=True) as source:
            let_write(source, schema, place["rights"])
    with RegistrySession() as registry:
        give_back_door(registry, passage)
        passages.advance(registry, passage, Stage.UNDONE, since=Stage.UNDOING, fault=fault)
        registry.commit()
    log.warning("move undone", tenant=passage.slug, fault=fault)


def _clear(passage: Passage) -> None:
    """Drop the old space; the company must live elsewhere."""
    with RegistrySession() as registry:
        lives = registry.scalar(select(Tenant.shard).where(Tenant.id == passage.tenant_id))
    if lives == passage.details["source"]:
        raise Undone("the registry says that the company lives there")
    # Processes that remember the old place may read there a little longer.
    time.sleep(max(0.0, passage.details["switched_at"] + 2 * CACHE_SECONDS - time.time()))
    remove_space(passage.details["source"], f"t_{passage.tenant_id}")
    with RegistrySession() as registry:
        passages.advance(registry, passage, Stage.DONE, since=Stage.SWITCHED)
        registry.commit()


def server_of(tenant_id: str) -> str:
    """The server on which a company lives."""
    with RegistrySession() as registry:
        return registry.scalar(select(Tenant.shard).where(Tenant.id == tenant_id)) or PRIMARY
