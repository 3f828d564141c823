"""What people and probes are told of the fleet: who is where, who was left behind, which runs there were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, literal, select, tuple_, union_all
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.kinds import kinds
from trilend.tenancy.door import DIFFERS
from trilend.tenancy.migration.models import FleetRun
from trilend.tenancy.migration.places import is_complete, places_behind
from trilend.tenancy.migration.steps import Position, is_newer, targets
from trilend.tenancy.models import Spare, Tenant, TenantState

_SILENCE = timedelta(seconds=30)
_TAKES_PART = Tenant.state.not_in((TenantState.PROVISIONING, TenantState.CLOSED))


@dataclass(frozen=True)
class Spread:
    """How many tenants and spares of a kind are at a revision, and how that compares with this release."""

    kind: str
    position: Position
    tenants: int
    spares: int

    @property
    def standing(self) -> str:
        """`current`, `behind`, or `newer` for those whom a newer release has moved on."""
        if str(self.position) == targets()[self.kind]:
            return "current"
        return "newer" if is_newer(self.kind, self.position) else "behind"


def spread(session: Session) -> Sequence[Spread]:
    """Where everybody is, by kind and revision."""
    everybody = union_all(
        select(Tenant.kind, Tenant.revision, literal(1).label("tenants"), literal(0).label("spares")).where(
            _TAKES_PART
        ),
        select(Spare.kind, Spare.revision, literal(0), literal(1)).where(Spare.revision != ""),
    ).subquery()
    columns = everybody.c
    rows = session.execute(
        select(columns.kind, columns.revision, func.sum(columns.tenants), func.sum(columns.spares))
        .where(columns.kind.in_(list(kinds())))
        .group_by(columns.kind, columns.revision)
        .order_by(columns.kind, columns.revision)
    )
    return [Spread(row[0], Position.read(row[1]), int(row[2]), int(row[3])) for row in rows]


def waiting(session: Session) -> Mapping[str, int]:
    """How many of each kind have still to be moved; those that failed a run are not waited for. Empty when all is done."""
    behind = [(place.kind, place.revision) for place in places_behind(session, faulty=False)]
    if not behind:
        return {}
    everybody = union_all(
        select(Tenant.kind).where(tuple_(Tenant.kind, Tenant.revision).in_(behind), Tenant.fault == "", _TAKES_PART),
        select(Spare.kind).where(tuple_(Spare.kind, Spare.revision).in_(behind), Spare.fault == ""),
    ).subquery()
    rows = session.execute(select(everybody.c.kind, func.count()).group_by(everybody.c.kind).order_by(everybody.c.kind))
    return {row[0]: row[1] for row in rows}


def faulty(session: Session) -> Sequence[Tenant]:
    """Tenants that were left behind, or that differ from a fresh one; by slug."""
    return session.scalars(select(Tenant).where(Tenant.fault != "", _TAKES_PART).order_by(Tenant.slug)).all()


def differs(tenant: Tenant) -> bool:
    """Whether a tenant's fault is that it is not made as a fresh one is."""
    return tenant.fault.startswith(DIFFERS)


def recent_runs(session: Session, limit: int = 10) -> Sequence[FleetRun]:
    """The last runs, newest first."""
    return session.scalars(select(FleetRun).order_by(FleetRun.id.desc()).limit(limit)).all()


def standing_of(run: FleetRun) -> str:
    """`running`, `done`, `failed` when somebody was left behind, `interrupted` when it gave no sign of life for long."""
    if run.finished_at is not None:
        return "failed" if run.failed or run.halted else "done"
    return "running" if now() - run.seen_at < _SILENCE else "interrupted"


def halted_kinds(session: Session) -> Mapping[str, str]:
    """Kinds that the last run to this release halted, with the reason, unless somebody has moved them since."""
    run = session.scalar(select(FleetRun).order_by(FleetRun.id.desc()).limit(1))
    if run is None or run.targets != targets():
        return {}
    behind = {place.kind for place in places_behind(session, faulty=True)}
    return {kind: reason for kind, reason in run.halted.items() if kind in behind}


def has_stragglers(session: Session) -> bool:
    """Whether somebody came too late for the run that moved the others, and nothing speaks against moving them now.

    A process of the release before may have made a tenant while the others were moved. A kind that was halted, and a
    run that is under way, are left to those who look after them.
    """
    if is_complete(session):
        return False
    run = session.scalar(select(FleetRun).order_by(FleetRun.id.desc()).limit(1))
    return run is not None and run.targets == targets() and not run.halted and standing_of(run) != "running"
