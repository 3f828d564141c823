"""Reads the revisions that were authored with Alembic and renders each to SQL, once."""

import io
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy.dialects import postgresql

from trilend.kinds import kinds
from trilend.tenancy.blueprint import CELL_PLACEHOLDER, ROLE_PLACEHOLDER, blueprint_of

REGISTRY, PLATFORM, PERMISSIONS = "registry", "platform", "permissions"
_REVISIONS = Path(__file__).parents[2] / "revisions"
NONE = "-"
_rendering = threading.Lock()

Batch = Callable[..., bool]
"""Takes the connection, and as a second argument, if it names one, the company's `Seals`; says whether more is left."""


@dataclass(frozen=True)
class Step:
    """One revision of a branch: its SQL, and for a data step the function that does a portion and says if more is left.

    A data step with two parameters is handed the company's keys (`wants_seals`).
    Applied together with a row of `schema_version`, which the database refuses a second time and out of order.
    `contracts_since` names the release that was the first to do without what the step takes away; `excused` gives a
    reason for each rule of expand and contract that it may break.
    """

    branch: str
    revision: str
    previous: str | None
    title: str
    sql: str
    batch: Batch | None = None
    wants_seals: bool = False
    contracts_since: str = ""
    excused: Mapping[str, str] = field(default_factory=dict)

    def text(self, role: str = ROLE_PLACEHOLDER, cell: str = CELL_PLACEHOLDER) -> str:
        """What is sent to the server inside of a transaction whose search_path is the schema.

        `role` is the tenant's, `cell` the login that may take it.
        """
        return f"{self.sql.replace(ROLE_PLACEHOLDER, role).replace(CELL_PLACEHOLDER, cell)}\n{self.record}"

    @property
    def record(self) -> str:
        """The statement that says that the step has been taken."""
        previous = f"'{self.previous}'" if self.previous else "NULL"
        return (
            "INSERT INTO schema_version (branch, revision, previous) "
            f"VALUES ('{self.branch}', '{self.revision}', {previous})"
            # Permissions are compared as a whole, so that taking them once more does no harm.
            f"{' ON CONFLICT DO NOTHING' if self.branch == PERMISSIONS else ''};"
        )


@dataclass(frozen=True)
class Position:
    """How far a tenant is: the newest revision of the platform and of its kind, and the digest of its permissions.

    In the registry it is one text, `platform.kind.permissions`.
    """

    platform: str
    kind: str
    permissions: str

    def __str__(self) -> str:
        """The text in the registry."""
        return f"{self.platform}.{self.kind}.{self.permissions}"

    @classmethod
    def read(cls, text: str) -> "Position":
        """From the registry's text; a tenant from before there were revisions has taken none."""
        parts = text.split(".")
        return cls(*parts) if len(parts) == 3 else cls(NONE, NONE, NONE)


@cache
def branch(name: str) -> Sequence[Step]:
    """All steps of a branch, oldest first, rendered once per process."""
    folder = folder_of(name)
    if folder is None:
        return ()
    # Alembic's `op` belongs to the whole process: of two threads that ask first at once, one would find it taken away.
    with _rendering:
        scripts = ScriptDirectory(str(folder), version_locations=[str(folder)])
        return tuple(_rendered(name, script) for script in reversed(list(scripts.walk_revisions())))


def branches() -> Iterable[str]:
    """The registry's branch, the platform's and those of all kinds."""
    return (REGISTRY, PLATFORM, *kinds())


def head(name: str) -> str:
    """The newest revision of a branch."""
    steps = branch(name)
    return steps[-1].revision if steps else NONE


def target(kind: str) -> Position:
    """Where a tenant of this kind is in this release."""
    return Position(head(PLATFORM), head(kind), blueprint_of(kind).permissions.revision)


def targets() -> Mapping[str, str]:
    """The position of this release for every kind, as the registry writes it."""
    return {kind: str(target(kind)) for kind in kinds()}


def steps_from(kind: str, position: Position) -> Sequence[Step]:
    """What a tenant of this kind has still to take, in order; none for one that a newer release has moved on."""
    steps = [*steps_after(PLATFORM, position.platform), *steps_after(kind, position.kind)]
    permissions = blueprint_of(kind).permissions
    if position.permissions != permissions.revision and not is_newer(kind, position):
        steps.append(Step(PERMISSIONS, permissions.revision, None, "permissions of this release", permissions.sql))
    return steps


def is_newer(kind: str, position: Position) -> bool:
    """Whether a newer release has moved the tenant to a revision that this one does not know."""
    return any(
        revision != NONE and revision not in {step.revision for step in branch(name)}
        for name, revision in ((PLATFORM, position.platform), (kind, position.kind))
    )


def stamp(kind: str) -> str:
    """SQL that says of a fresh schema that it is where this release is."""
    rows = [f"('{name}', '{head(name)}')" for name in (PLATFORM, kind) if branch(name)]
    return f"INSERT INTO schema_version (branch, revision) VALUES {', '.join(rows)}"


def folder_of(name: str) -> Path | None:
    """Where the revisions of a branch lie; none for a kind without tables of its own."""
    return _REVISIONS / name if name in (REGISTRY, PLATFORM) else kinds()[name].revisions


def first_text(kind: str) -> str | None:
    """What the first release made of a tenant of this kind, in its schema; None for a kind that does not keep it."""
    folder = folder_of(kind)
    file = folder / "first.sql" if folder else None
    return file.read_text(encoding="utf-8") if file and file.is_file() else None


def steps_until(kind: str, position: Position) -> Sequence[Step]:
    """The steps by which a tenant of the first release comes to a position, its permissions left aside."""
    taken: list[Step] = []
    for name, revision in ((PLATFORM, position.platform), (kind, position.kind)):
        ahead = {step.revision for step in steps_after(name, revision)}
        taken += [step for step in branch(name) if step.revision not in ahead]
    return taken


def rendered(upgrade: Callable[[], None]) -> str:
    """The SQL of an Alembic upgrade, for no schema in particular."""
    output = io.StringIO()
    context = MigrationContext.configure(
        dialect=postgresql.dialect(paramstyle="named"),  # type: ignore[no-untyped-call]
        opts={"as_sql": True, "output_buffer": output, "literal_binds": True, "target_metadata": None},
    )
    with Operations.context(context):
        upgrade()
    return output.getvalue().strip()


def _rendered(name: str, script: Script) -> Step:
    module = script.module
    previous = script.down_revision
    if previous is not None and not isinstance(previous, str):
        raise ValueError(f"{name} {script.revision}: a branch is a line, it cannot merge")
    batch: Batch | None = getattr(module, "batch", None)
    return Step(
        branch=name,
        revision=script.revision,
        previous=previous,
        title=script.doc,
        sql=rendered(module.upgrade),
        batch=batch,
        wants_seals=batch is not None and len(signature(batch).parameters) > 1,
        contracts_since=getattr(module, "contracts_since", ""),
        excused=getattr(module, "excused", {}),
    )


def steps_after(name: str, revision: str) -> Sequence[Step]:
    """What follows a revision on its branch: all of it when none has been taken, nothing when a newer release has."""
    steps = branch(name)
    known = [step.revision for step in steps]
    if revision == NONE:
        return steps
    return steps[known.index(revision) + 1 :] if revision in known else ()
