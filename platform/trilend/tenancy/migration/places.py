"""Where the fleet is: the kinds and revisions at which tenants and spares stand, found without reading them all."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from trilend.kinds import kinds
from trilend.tenancy.migration.steps import Position, is_newer, targets


@dataclass(frozen=True)
class Place:
    """A kind and a revision at which somebody is; `faulty` when it is one that is marked with a fault."""

    kind: str
    revision: str
    faulty: bool

    @property
    def is_behind(self) -> bool:
        """Whether this release has a step for who is here; not for those whom a newer release has moved on."""
        return self.revision != targets()[self.kind] and not is_newer(self.kind, Position.read(self.revision))


# From each place the index leads straight to the next one: as many probes as there are places, however many tenants.
_PLACES = """
WITH RECURSIVE place AS (
    (SELECT kind, revision, fault <> '' AS faulty FROM {table} WHERE {taking_part} ORDER BY 1, 2, 3 LIMIT 1)
    UNION ALL
    SELECT following.* FROM place CROSS JOIN LATERAL (
        SELECT kind, revision, fault <> '' FROM {table}
        WHERE {taking_part} AND (kind, revision, (fault <> '')) > (place.kind, place.revision, place.faulty)
        ORDER BY 1, 2, 3 LIMIT 1
    ) AS following
)
SELECT kind, revision, faulty FROM place
"""
_TENANTS = _PLACES.format(table="tenant", taking_part="state NOT IN ('provisioning', 'closed')")
_SPARES = _PLACES.format(table="spare", taking_part="true")
_BOTH = text(f"SELECT * FROM ({_TENANTS}) AS tenants UNION SELECT * FROM ({_SPARES}) AS spares ORDER BY 1, 2, 3")


def places(session: Session) -> Sequence[Place]:
    """All places of the fleet, in one question; those of kinds that are not installed, and unready spares, are not."""
    found = [Place(*row) for row in session.execute(_BOTH)]
    return [place for place in found if place.kind in kinds() and place.revision]


def places_behind(session: Session, *, faulty: bool) -> Sequence[Place]:
    """Where somebody waits to be moved; with `faulty` also those whom a run has left behind."""
    return [place for place in places(session) if place.is_behind and (faulty or not place.faulty)]


def is_complete(session: Session) -> bool:
    """Whether nobody is left to move but those that failed."""
    return not places_behind(session, faulty=False)
