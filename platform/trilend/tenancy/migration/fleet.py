"""Takes all tenants and spares to this release: canaries first, then in parallel, each by itself, and resumable."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg
import structlog
from psycopg import errors
from sqlalchemy import ColumnElement, literal, or_, select, true, tuple_, update
from sqlalchemy.orm import Session

from trilend.db.base import now
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.fingerprint import compare, fresh_lines
from trilend.tenancy.migration.models import FleetRun
from trilend.tenancy.migration.steps import Position, Step, is_newer, steps_from, targets
from trilend.tenancy.models import Spare, Tenant, TenantState
from trilend.tenancy.servers import cell_login, owner_connection

log = structlog.get_logger(__name__)

WORKERS = 2
_LOCK_TIMEOUT, _STATEMENT_TIMEOUT = "3s", "5min"
_ATTEMPTS = 5
_PAUSE = 0.5
_PORTION = 100
_MAY_PASS = (errors.LockNotAvailable, errors.DeadlockDetected, errors.QueryCanceled)


@dataclass(frozen=True)
class Traveller:
    """A tenant or a spare that is not yet where this release is."""

    id: str
    slug: str
    kind: str
    shard: str
    cell: int
    revision: str
    is_spare: bool

    @property
    def schema(self) -> str:
        """Its schema and role."""
        return f"t_{self.id}"


@dataclass
class FleetReport:
    """What a run did: how many arrived, and why the others did not, by slug (spares by id)."""

    total: int = 0
    done: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    halted: dict[str, str] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether all arrived."""
        return not self.failed and not self.halted


Progress = Callable[[FleetReport], None]


def is_complete(session: Session) -> bool:
    """Whether nobody is left to move but those that failed: two probes of an index for each kind when all are there."""
    return not _places_behind(session, faulty=False)


def migrate_fleet(
    *, slugs: Sequence[str] = (), workers: int = WORKERS, retry_faulty: bool = True, progress: Progress | None = None
) -> FleetReport:
    """Take everybody (or these tenants) to this release. A deploy with nothing to do asks one question and ends.

    One canary of each kind goes first, a spare if there is one, and must come out equal to a fresh schema; if it does
    not, its kind is halted and nobody else of it is touched. A tenant that fails keeps its place, is marked with the
    reason, and does not stop the others. A run that was killed goes on where it was: each step is recorded in the
    schema itself, in the step's own transaction.
    """
    with RegistrySession() as registry:
        travellers = _travellers(registry, slugs, retry_faulty)
    report = FleetReport(total=len(travellers))
    if not travellers:
        return report
    run = _Run(report, progress)
    try:
        rest = run.lead_with_canaries(travellers)
        run.follow(rest, workers)
    finally:
        run.end()
    return report


def move_one(connection: psycopg.Connection[tuple[object, ...]], traveller: Traveller) -> None:
    """Take all steps that a schema still has to take, each with its record in one message and one transaction."""
    for step in steps_from(traveller.kind, Position.read(traveller.revision)):
        try:
            _take(connection, traveller.schema, cell_login(traveller.cell), step)
        except psycopg.Error:
            connection.rollback()
            # A run that was killed between the step and the registry's row has left the step taken.
            if not _is_taken(connection, traveller.schema, step):
                raise


def _take(connection: psycopg.Connection[tuple[object, ...]], schema: str, cell: str, step: Step) -> None:
    opening = (
        f"BEGIN; SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'; SET LOCAL statement_timeout = '{_STATEMENT_TIMEOUT}'; "
        f"SET LOCAL search_path TO {schema};\n"
    )
    if step.batch is None:
        connection.execute(f"{opening}{step.text(schema, cell)}\nCOMMIT".encode())
        return
    while True:
        connection.execute(opening.encode())
        more = step.batch(connection)
        connection.execute(f"{'' if more else step.text(schema, cell)}\nCOMMIT".encode())
        if not more:
            return


def _is_taken(connection: psycopg.Connection[tuple[object, ...]], schema: str, step: Step) -> bool:
    if connection.execute("SELECT to_regclass(%s) IS NULL", (f"{schema}.schema_version",)).fetchone() == (True,):
        return False
    row = connection.execute(
        f"SELECT 1 FROM {schema}.schema_version WHERE branch = %s AND revision = %s", (step.branch, step.revision)
    ).fetchone()
    return row is not None


class _Run:
    """One run over the fleet: its report, its row in the registry, and the workers that share it."""

    def __init__(self, report: FleetReport, progress: Progress | None) -> None:
        self._report = report
        self._progress = progress
        self._lock = threading.Lock()
        self._arrived: list[Traveller] = []
        self._told = time.monotonic()
        with RegistrySession() as registry:
            row = FleetRun(targets=targets(), total=report.total)
            registry.add(row)
            registry.commit()
            self._id = row.id

    def lead_with_canaries(self, travellers: Sequence[Traveller]) -> Sequence[Traveller]:
        """Move one of each kind and look at it closely; returns those that may follow."""
        canaries: dict[str, Traveller] = {}
        for traveller in sorted(travellers, key=lambda each: not each.is_spare):
            canaries.setdefault(traveller.kind, traveller)
        halted = {kind for kind, canary in canaries.items() if not self._survives(canary)}
        leading = {canary.id for canary in canaries.values()}
        return [each for each in travellers if each.id not in leading and each.kind not in halted]

    def follow(self, travellers: Sequence[Traveller], workers: int) -> None:
        """Move the others by several workers, each with a connection of its own to each server."""
        waiting: queue.SimpleQueue[Traveller] = queue.SimpleQueue()
        for traveller in travellers:
            waiting.put(traveller)
        threads = [threading.Thread(target=self._work, args=(waiting,), daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def end(self) -> None:
        """Write what is left to be written, and that the run is over."""
        with self._lock:
            self._write()
        with RegistrySession() as registry:
            registry.get_one(FleetRun, self._id).finished_at = now()
            registry.commit()

    def _survives(self, canary: Traveller) -> bool:
        with owner_connection(canary.shard, autocommit=True) as connection:
            error = self._attempt(connection, canary)
            if error is None:
                with connection.transaction():
                    difference = compare(connection, canary.schema, fresh_lines(canary.kind, canary.shard))
                if not difference:
                    self._arrive(canary)
                    return True
                error = str(difference)
        log.error("canary did not come through", tenant=canary.slug, kind=canary.kind, error=error)
        self._fail(canary, error)
        with self._lock:
            self._report.halted[canary.kind] = error
        return False

    def _work(self, waiting: "queue.SimpleQueue[Traveller]") -> None:
        connections: dict[str, psycopg.Connection[tuple[object, ...]]] = {}
        try:
            while True:
                traveller = waiting.get_nowait()
                if connections.get(traveller.shard) is None or connections[traveller.shard].closed:
                    connections[traveller.shard] = owner_connection(traveller.shard, autocommit=True)
                error = self._attempt(connections[traveller.shard], traveller)
                if error is None:
                    self._arrive(traveller)
                else:
                    self._fail(traveller, error)
        except queue.Empty:
            pass
        finally:
            for connection in connections.values():
                connection.close()

    def _attempt(self, connection: psycopg.Connection[tuple[object, ...]], traveller: Traveller) -> str | None:
        """Move one; why it did not arrive, or None. What holds a lock may let go of it: tried again a few times."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                move_one(connection, traveller)
            except psycopg.Error as error:
                connection.rollback()
                if isinstance(error, _MAY_PASS) and attempt < _ATTEMPTS:
                    time.sleep(_PAUSE * attempt)
                    continue
                log.exception("tenant left behind by migration", tenant=traveller.slug)
                return str(error).strip().splitlines()[0][:500]
            return None
        return None

    def _arrive(self, traveller: Traveller) -> None:
        with self._lock:
            self._arrived.append(traveller)
            self._report.done += 1
            if len(self._arrived) >= _PORTION or time.monotonic() - self._told > 1.0:
                self._write()

    def _fail(self, traveller: Traveller, error: str) -> None:
        with self._lock:
            self._report.failed[traveller.slug] = error
            model = Spare if traveller.is_spare else Tenant
            with RegistrySession() as registry:
                registry.execute(update(model).where(model.id == traveller.id).values(fault=error))
                registry.commit()
            self._write()

    def _write(self) -> None:
        """Tell the registry who has arrived since the last time: one statement a kind, for tenants and for spares."""
        current = targets()
        with RegistrySession() as registry:
            for model, are_spares in ((Tenant, False), (Spare, True)):
                for kind in {each.kind for each in self._arrived if each.is_spare == are_spares}:
                    ids = [each.id for each in self._arrived if each.is_spare == are_spares and each.kind == kind]
                    registry.execute(update(model).where(model.id.in_(ids)).values(revision=current[kind], fault=""))
            row = registry.get_one(FleetRun, self._id)
            row.done, row.failed = self._report.done, len(self._report.failed)
            registry.commit()
        self._arrived.clear()
        self._told = time.monotonic()
        if self._progress:
            self._progress(self._report)


def _travellers(session: Session, slugs: Sequence[str], faulty: bool) -> Sequence[Traveller]:
    places = _places_behind(session, faulty=faulty)
    if not places:
        return []
    tenants = (
        select(Tenant.id, Tenant.slug, Tenant.kind, Tenant.shard, Tenant.cell, Tenant.revision, literal(False))
        .where(tuple_(Tenant.kind, Tenant.revision).in_(places), _moves(), Tenant.slug.in_(slugs) if slugs else true())
        .order_by(Tenant.id)
    )
    spares = (
        select(Spare.id, Spare.id, Spare.kind, Spare.shard, Spare.cell, Spare.revision, literal(True))
        .where(tuple_(Spare.kind, Spare.revision).in_(places))
        .order_by(Spare.id)
    )
    rows = [*session.execute(tenants), *(() if slugs else session.execute(spares))]
    return [Traveller(*row) for row in rows]


def _moves() -> ColumnElement[bool]:
    return Tenant.state.not_in((TenantState.PROVISIONING, TenantState.CLOSED))


def _places_behind(session: Session, *, faulty: bool) -> Sequence[tuple[str, str]]:
    """Kinds and revisions at which somebody waits; those that a newer release has reached are not behind."""
    found: set[tuple[str, str]] = set()
    for kind, revision in targets().items():
        for model in (Tenant, Spare):
            statement = select(model.kind, model.revision).where(
                model.kind == kind, or_(model.revision < revision, model.revision > revision)
            )
            if model is Tenant:
                statement = statement.where(_moves())
            if not faulty:
                statement = statement.where(model.fault == "")
            found.update((row.kind, row.revision) for row in session.execute(statement.distinct()))
    return sorted(place for place in found if not is_newer(place[0], Position.read(place[1])))
