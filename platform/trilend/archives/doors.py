"""Takes a company's door for as long as something is done to it as a whole, and gives it back as it was."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.orm import Session

from trilend.archives import passages
from trilend.archives.models import Passage, Stage
from trilend.tenancy.door import Reason
from trilend.tenancy.models import Door, Tenant


def take_door(
    registry: Session, passage: Passage, door: Door, reason: Reason, *, until: datetime | None = None
) -> None:
    """Set the door, in the caller's transaction, and keep with the passage how it was."""
    tenant = registry.get_one(Tenant, passage.tenant_id, with_for_update=True)
    before = {"door": str(tenant.door), "reason": tenant.door_reason}
    passages.advance(registry, passage, Stage(passage.stage), since=Stage(passage.stage), door_before=before)
    tenant.door, tenant.door_reason, tenant.door_until = door, reason, until


def give_back_door(registry: Session, passage: Passage) -> None:
    """Set the door back, in the caller's transaction, to what it was before; nothing happens if it was not taken."""
    before = passage.details.get("door_before")
    if before:
        registry.execute(
            update(Tenant)
            .where(Tenant.id == passage.tenant_id)
            .values(door=Door(before["door"]), door_reason=before["reason"], door_until=None)
        )
