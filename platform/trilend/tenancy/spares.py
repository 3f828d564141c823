"""Keeps schemas ready before anybody asks for one: made one at a time under a lock, thrown away when of no use."""

from collections.abc import Iterable

import psycopg
from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from trilend.config import settings
from trilend.kinds import kinds
from trilend.tenancy.blueprint import blueprint_of
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.steps import Position, is_newer, targets
from trilend.tenancy.models import Spare
from trilend.tenancy.provisioning import drop_space, make_space
from trilend.tenancy.servers import owner_connection
from trilend.tenancy.service import emptiest_cell, is_claimable, new_id, new_shard

Connection = psycopg.Connection[tuple[object, ...]]

REFILL = "signup.refill_spares"
"""The job that makes what is missing."""
_LOCK_CLASS = 741_592
# A spare is written down before its schema is made, without a revision: what a crash has left is known by that.
_UNFINISHED = ""


def refill_spares() -> int:
    """Make the spares that are missing, never more than are wanted however many do it at once; returns how many.

    A spare that was found faulty, and what a killed refill has left, are removed on the way.
    """
    shard = new_shard()
    return sum(_refill(kind, shard) for kind in kinds())


def renew_spares(*, but: Iterable[str] = ()) -> int:
    """Throw away the spares that this release does not hand out, and make new ones; returns how many were made.

    For the end of a migration. Spares of the kinds in `but` stay, and so do those that a newer release has made.
    """
    spared = set(but)
    with RegistrySession() as registry:
        stale = [
            spare.id
            for spare in registry.scalars(select(Spare).where(Spare.kind.in_(set(kinds()) - spared)))
            if not is_newer(spare.kind, Position.read(spare.revision))
            and (spare.fault or spare.blueprint != blueprint_of(spare.kind).digest)
        ]
        _give_up(registry, Spare.id.in_(stale))
        shards = set(registry.scalars(select(Spare.shard).where(Spare.revision == _UNFINISHED)))
    for shard in shards:
        for kind in kinds():
            _remove_unfinished(kind, shard)
    shard = new_shard()
    return sum(_refill(kind, shard) for kind in kinds() if kind not in spared)


def spares_ready(session: Session) -> dict[str, int]:
    """How many spares of this release can be claimed on the server for new tenants, by kind."""
    claimable = or_(*(is_claimable(kind, new_shard()) for kind in kinds()))
    rows = session.execute(select(Spare.kind, func.count()).where(claimable).group_by(Spare.kind))
    return dict.fromkeys(kinds(), 0) | {row[0]: row[1] for row in rows}


def spares_wanted(session: Session) -> bool:
    """Whether a refill would find something to do."""
    return any(count < settings().spares_per_kind for count in spares_ready(session).values())


def _refill(kind: str, shard: str) -> int:
    with RegistrySession() as registry:
        here = and_(Spare.kind == kind, Spare.shard == shard)
        _give_up(registry, and_(here, Spare.fault != "", Spare.blueprint == blueprint_of(kind).digest))
        unfinished = registry.scalar(select(func.count()).where(here, Spare.revision == _UNFINISHED))
        missing = spares_ready(registry)[kind] < settings().spares_per_kind
    if unfinished:
        _remove_unfinished(kind, shard)
    made = 0
    while missing and _one_more(kind, shard):
        made += 1
    return made


def _one_more(kind: str, shard: str) -> bool:
    """Make one spare if one is missing. The registry names it before it is there, and hands it out after."""
    with RegistrySession() as registry, owner_connection(shard) as owner:
        with owner.transaction():
            _wait_for_turn(owner, kind)
            if _ready_or_nearly(registry, kind, shard) >= settings().spares_per_kind:
                return False
            blueprint = blueprint_of(kind)
            spare = Spare(
                id=new_id(), kind=kind, revision=_UNFINISHED, shard=shard, cell=emptiest_cell(registry, shard)
            )
            registry.add(spare)
            registry.commit()
            registry.refresh(spare, with_for_update=True)
            make_space(owner, f"t_{spare.id}", spare.cell, blueprint)
            spare.revision, spare.blueprint = targets()[kind], blueprint.digest
            registry.flush()
        registry.commit()
    return True


def _ready_or_nearly(registry: Session, kind: str, shard: str) -> int:
    """Spares that can be claimed, or will be when the one who had the turn before has written it down."""
    nearly = and_(Spare.kind == kind, Spare.shard == shard, Spare.revision == _UNFINISHED)
    return registry.scalar(select(func.count()).where(or_(is_claimable(kind, shard), nearly))) or 0


def _give_up(registry: Session, which: ColumnElement[bool]) -> None:
    """Let nobody claim these spares any more; they are removed as if they had never been finished."""
    free = select(Spare.id).where(which, Spare.revision != _UNFINISHED).with_for_update(skip_locked=True)
    registry.execute(update(Spare).where(Spare.id.in_(free)).values(revision=_UNFINISHED))
    registry.commit()


def _remove_unfinished(kind: str, shard: str) -> None:
    """Remove what was begun and is in nobody's hands: who makes a spare holds its row, a killed process holds none."""
    with RegistrySession() as registry, owner_connection(shard) as owner:
        with owner.transaction():
            _wait_for_turn(owner, kind)
            left = registry.scalars(
                select(Spare.id)
                .where(Spare.kind == kind, Spare.shard == shard, Spare.revision == _UNFINISHED)
                .with_for_update(skip_locked=True)
            ).all()
            for spare in left:
                drop_space(owner, f"t_{spare}")
        registry.execute(delete(Spare).where(Spare.id.in_(left)))
        registry.commit()


def _wait_for_turn(owner: Connection, kind: str) -> None:
    """One at a time makes or removes spares of a kind on a server; the turn ends with the owner's transaction."""
    owner.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_LOCK_CLASS, kind))
