"""Takes all tenants and spares to this release: canaries first, then in parallel, each by itself, and resumable."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby

import psycopg
import structlog
from psycopg import errors
from sqlalchemy import update

from trilend.db.base import now
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.migration.fingerprint import difference, fresh_lines, lines_of
from trilend.tenancy.migration.models import FleetRun
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.migration.travellers import Connection, Traveller, move, move_together, travellers
from trilend.tenancy.models import Spare, Tenant
from trilend.tenancy.servers import owner_connection

log = structlog.get_logger(__name__)

WORKERS = 2
ATTEMPTS = 5
_PAUSE = 0.5
_PORTION = 500
_TOGETHER = 5
_SIGN_OF_LIFE = 2.0
_CANARIES = 3
_LOCKED = (errors.LockNotAvailable, errors.DeadlockDetected)


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


_Line = queue.SimpleQueue[tuple[Sequence[Traveller], int]]
Progress = Callable[[FleetReport], None]


def migrate_fleet(
    *, slugs: Sequence[str] = (), workers: int = WORKERS, retry_faulty: bool = True, progress: Progress | None = None
) -> FleetReport:
    """Take everybody (or these tenants) to this release. A deploy with nothing to do asks one question and ends.

    One canary of each kind goes first, a spare if there is one, and must come out equal to a fresh schema; if it does
    not, its kind is halted and nobody else of it is touched. A tenant that fails keeps its place, is marked with the
    reason, and does not stop the others. A run that was killed goes on where it was: each step is recorded in the
    schema itself, in the step's own transaction; for the same reason two runs at once do no step twice.
    """
    with RegistrySession() as registry:
        waiting = travellers(registry, slugs, faulty=retry_faulty)
    report = FleetReport(total=len(waiting))
    if waiting:
        run = _Run(report, progress)
        run.follow(run.lead_with_canaries(waiting), workers)
        run.end()
    return report


class _Run:
    """One run over the fleet: its report, its row in the registry, and the workers that share it."""

    def __init__(self, report: FleetReport, progress: Progress | None) -> None:
        self._report = report
        self._progress = progress
        self._lock = threading.Lock()
        self._arrived: list[Traveller] = []
        self._told = time.monotonic()
        self._over = threading.Event()
        with RegistrySession() as registry:
            row = FleetRun(targets=dict(targets()), total=report.total)
            registry.add(row)
            registry.commit()
            self._id = row.id

    def lead_with_canaries(self, waiting: Iterable[Traveller]) -> Sequence[Traveller]:
        """Move one of each kind and look at it closely; returns those that may follow."""
        following: list[Traveller] = []
        with _connections() as connections, ThreadPoolExecutor(thread_name_prefix="fresh") as pool:
            for kind, group in groupby(sorted(waiting, key=_as_canary), key=lambda each: each.kind):
                candidates = list(group)
                # What a fresh schema looks like is found out while the canary is on its way.
                fresh = {
                    shard: pool.submit(fresh_lines, kind, shard)
                    for shard in {canary.shard for canary in candidates[:_CANARIES]}
                }
                leader = self._lead(connections, kind, candidates[:_CANARIES], fresh)
                following += [each for each in candidates if leader and each != leader]
        return following

    def follow(self, following: Iterable[Traveller], workers: int) -> None:
        """Move the others by several workers, each with a connection of its own to each server."""
        line: _Line = queue.SimpleQueue()
        for group in _groups(following):
            line.put((group, 1))
        with ThreadPoolExecutor(workers, thread_name_prefix="fleet") as pool:
            working = {pool.submit(self._work, line) for _ in range(workers)}
            try:
                while working:
                    done, working = wait(working, _SIGN_OF_LIFE, FIRST_EXCEPTION)
                    for worker in done:
                        worker.result()
                    self._tell()
            finally:
                self._over.set()

    def end(self) -> None:
        """Write what is left to be written, and that the run is over."""
        self._tell()
        with RegistrySession() as registry:
            registry.get_one(FleetRun, self._id).finished_at = now()
            registry.commit()

    def _lead(
        self,
        connections: "_Connections",
        kind: str,
        candidates: Iterable[Traveller],
        fresh: Mapping[str, Future[Sequence[str]]],
    ) -> Traveller | None:
        """The first that could be looked at, if it came through; one that is locked by somebody says nothing."""
        reason = ""
        for canary in candidates:
            error = _attempt(connections, canary)
            if isinstance(error, _LOCKED):
                reason = _sentence(error)
                continue
            reason = (
                _sentence(error) if error else _difference(connections.to(canary.shard), canary, fresh[canary.shard])
            )
            if not reason:
                self._arrive(canary)
                return canary
            self._fail(canary, reason)
            break
        log.error("canary did not come through", kind=kind, error=reason)
        self._report.halted[kind] = reason
        self._tell()
        return None

    def _work(self, line: _Line) -> None:
        with _connections() as connections:
            while not self._over.is_set():
                try:
                    group, attempt = line.get_nowait()
                except queue.Empty:
                    return
                if len(group) > 1 and _attempt_together(connections, group):
                    self._arrive(*group)
                    continue
                for traveller in group:
                    self._move(connections, line, traveller, attempt)

    def _move(self, connections: "_Connections", line: _Line, traveller: Traveller, attempt: int) -> None:
        error = _attempt(connections, traveller)
        if error is None:
            self._arrive(traveller)
        elif attempt < ATTEMPTS and isinstance(error, (*_LOCKED, psycopg.OperationalError)) and not _ran_out(error):
            # What holds a lock may let go of it: tried again after all the others.
            line.put(((traveller,), attempt + 1))
            self._over.wait(_PAUSE * attempt if line.qsize() <= WORKERS else 0)
        else:
            self._fail(traveller, _sentence(error))

    def _arrive(self, *arrived: Traveller) -> None:
        with self._lock:
            self._arrived += arrived
            self._report.done += len(arrived)
            full = len(self._arrived) >= _PORTION or time.monotonic() - self._told > 1.0
        if full:
            self._tell()

    def _fail(self, traveller: Traveller, reason: str) -> None:
        log.error("left behind by migration", tenant=traveller.slug, error=reason)
        model = Spare if traveller.is_spare else Tenant
        with self._lock, RegistrySession() as registry:
            self._report.failed[traveller.slug] = reason
            registry.execute(update(model).where(model.id == traveller.id).values(fault=reason))
            registry.commit()

    def _tell(self) -> None:
        """Tell the registry who has arrived since the last time: one statement a kind, for tenants and for spares."""
        current = targets()
        with self._lock, RegistrySession() as registry:
            for model, are_spares in ((Tenant, False), (Spare, True)):
                for kind in {each.kind for each in self._arrived if each.is_spare == are_spares}:
                    ids = [each.id for each in self._arrived if each.is_spare == are_spares and each.kind == kind]
                    registry.execute(
                        update(model).where(model.id.in_(ids)).values(revision=current[kind], fault=""),
                        execution_options={"synchronize_session": False},
                    )
            report = self._report
            registry.execute(
                update(FleetRun)
                .where(FleetRun.id == self._id)
                .values(done=report.done, failed=len(report.failed), halted=dict(report.halted), seen_at=now())
            )
            registry.commit()
            self._arrived.clear()
            self._told = time.monotonic()
            if self._progress:
                self._progress(report)


class _Connections:
    """A worker's connections, one to each server it has to do with; one that broke is opened anew."""

    def __init__(self) -> None:
        self._open: dict[str, Connection] = {}

    def to(self, shard: str) -> Connection:
        """The connection to a server; raises `psycopg.OperationalError` when the server is away."""
        found = self._open.get(shard)
        if found is None or found.closed:
            found = self._open[shard] = owner_connection(shard, autocommit=True)
        return found

    def close(self) -> None:
        """Close all."""
        for connection in self._open.values():
            connection.close()


@contextmanager
def _connections() -> Iterator[_Connections]:
    made = _Connections()
    try:
        yield made
    finally:
        made.close()


def _groups(travellers: Iterable[Traveller]) -> Iterator[tuple[Traveller, ...]]:
    """Those who travel in one message, all of one server."""
    for _, of_server in groupby(sorted(travellers, key=lambda each: each.shard), key=lambda each: each.shard):
        together = list(of_server)
        yield from (tuple(together[start : start + _TOGETHER]) for start in range(0, len(together), _TOGETHER))


def _as_canary(traveller: Traveller) -> tuple[str, bool, bool, str]:
    """By kind; spares before tenants, and those that are sound before those that failed a run before."""
    return traveller.kind, not traveller.is_spare, traveller.faulty, traveller.id


def _attempt(connections: _Connections, traveller: Traveller) -> psycopg.Error | None:
    """Move one; what stopped it, or None."""
    try:
        move(connections.to(traveller.shard), traveller)
    except psycopg.Error as error:
        return error
    return None


def _attempt_together(connections: _Connections, group: Sequence[Traveller]) -> bool:
    """Whether all of them, who are of one server, have arrived."""
    try:
        return move_together(connections.to(group[0].shard), group)
    except psycopg.OperationalError:
        return False


def _ran_out(error: psycopg.Error) -> bool:
    """Whether a statement took longer than it may: it would again."""
    return isinstance(error, errors.QueryCanceled)


def _difference(connection: Connection, traveller: Traveller, fresh: Future[Sequence[str]]) -> str:
    with connection.transaction():
        found = lines_of(connection, traveller.schema, traveller.cell)
    return str(difference(traveller.schema, found, fresh.result()))[:500]


def _sentence(error: psycopg.Error) -> str:
    """What the database said, in one line."""
    return str(error).strip().splitlines()[0][:500]
