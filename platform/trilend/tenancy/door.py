"""Who may enter a tenant's space: state, suspension, revision, fault and door together leave it open, readable or shut."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

from trilend.kinds import kinds
from trilend.tenancy.migration.steps import PLATFORM, Position, steps_after
from trilend.tenancy.models import Door, Tenant, TenantState

DIFFERS = "differs: "
"""How a fault begins when the verification found the schema unlike a fresh one."""

LIFELESS = (TenantState.PROVISIONING, TenantState.CLOSED)
"""States in which nothing is served and nothing is done: there is no space yet, or none any more."""


class Reason(StrEnum):
    """Why a space is not open; kept in `Tenant.door_reason` by whoever sets the door."""

    SUSPENDED = "tenant_suspended"
    CLOSING = "tenant_closing"
    MOVING = "tenant_moving"
    RESTORING = "tenant_restoring"
    RESTORED = "tenant_restored"
    UPDATING = "tenant_updating"
    FAULTY = "tenant_faulty"
    MAINTENANCE = "tenant_maintenance"


@dataclass(frozen=True)
class Admission:
    """How far one may go into a tenant's space; `reason` is None only where it is open."""

    entry: Door = Door.OPEN
    reason: Reason | None = None
    until: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether work goes on as usual."""
        return self.entry is Door.OPEN

    @property
    def allows_bookkeeping(self) -> bool:
        """Whether what is not the tenant's business may still be written, such as a token or a line of the audit log.

        Not while the space is copied or is not what this release expects.
        """
        return self.reason in (None, Reason.SUSPENDED, Reason.CLOSING)


OPEN = Admission()
_STRICTNESS = {Door.OPEN: 0, Door.READ_ONLY: 1, Door.SHUT: 2}


def admission_of(tenant: Tenant) -> Admission:
    """The strictest of what the registry's row says; a tenant in the making is open to those who make it."""
    if tenant.state in LIFELESS:
        return OPEN
    found = [OPEN, _by_door(tenant), _by_suspension(tenant), _by_revision(tenant)]
    return max(found, key=lambda admission: _STRICTNESS[admission.entry])


def _by_door(tenant: Tenant) -> Admission:
    door = Door(tenant.door)
    if door is Door.OPEN:
        return OPEN
    known = tenant.door_reason in Reason._value2member_map_
    return Admission(door, Reason(tenant.door_reason) if known else Reason.MAINTENANCE, tenant.door_until)


def _by_suspension(tenant: Tenant) -> Admission:
    if tenant.state != TenantState.SUSPENDED:
        return OPEN
    return Admission(Door.SHUT if tenant.suspension == Door.SHUT else Door.READ_ONLY, Reason.SUSPENDED)


def _by_revision(tenant: Tenant) -> Admission:
    behind = tenant.kind not in kinds() or _is_behind(tenant.kind, tenant.revision)
    # A fault at a revision that this release is content with is the failed step of a newer one.
    if tenant.fault.startswith(DIFFERS) or (tenant.fault and behind) or tenant.kind not in kinds():
        return Admission(Door.SHUT, Reason.FAULTY)
    return Admission(Door.SHUT, Reason.UPDATING) if behind else OPEN


@lru_cache(maxsize=1024)
def _is_behind(kind: str, revision: str) -> bool:
    """Whether steps of this release are missing; permissions alone do not count, and neither does a newer release."""
    position = Position.read(revision)
    return bool(steps_after(PLATFORM, position.platform) or steps_after(kind, position.kind))
