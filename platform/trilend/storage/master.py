"""Exchanges the master key: every data key is wrapped anew, and nothing else changes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import bindparam, insert, literal, select, tuple_, update
from sqlalchemy.orm import Session

from trilend.storage.keys import is_wrapped_by_first, unwrap, wrap
from trilend.tenancy.context import FIRST_KEY, RegistrySession
from trilend.tenancy.models import DataKey, Tenant

_KEYS = 500


@dataclass
class MasterReport:
    """How many data keys there are, how many were wrapped anew, and which no master key given opens (`tenant/number`)."""

    total: int = 0
    rewrapped: int = 0
    failed: list[str] = field(default_factory=list)


def rotate_master() -> MasterReport:
    """Wrap every data key with the master key in use that the other one has wrapped; running it again does the rest."""
    report = MasterReport()
    with RegistrySession() as registry:
        _adopt_all(registry)
        for portion in _all_keys(registry):
            report.total += len(portion)
            changes = []
            for row in portion:
                if is_wrapped_by_first(row.wrapped):
                    continue
                try:
                    again = wrap(unwrap(row.wrapped))
                except InvalidTag:
                    report.failed.append(f"{row.tenant_id}/{row.number}")
                else:
                    changes.append({"of_tenant": row.tenant_id, "of_number": row.number, "again": again})
            _rewrap(registry, changes)
            report.rewrapped += len(changes)
    return report


def _adopt_all(registry: Session) -> None:
    """Give rows to the keys of tenants that a process of the release before has signed up."""
    lacking = select(Tenant.id, literal(FIRST_KEY), Tenant.wrapped_key).where(
        Tenant.wrapped_key.is_not(None), ~select(DataKey.number).where(DataKey.tenant_id == Tenant.id).exists()
    )
    registry.execute(insert(DataKey).from_select(["tenant_id", "number", "wrapped"], lacking))
    registry.commit()


def _all_keys(registry: Session) -> Iterator[Sequence[Any]]:
    place = tuple_(DataKey.tenant_id, DataKey.number)
    portion = select(DataKey.tenant_id, DataKey.number, DataKey.wrapped).order_by(DataKey.tenant_id, DataKey.number)
    last: tuple[str, int] | None = None
    while True:
        wanted = portion.limit(_KEYS).with_for_update()
        rows = registry.execute(wanted if last is None else wanted.where(place > last)).all()
        if not rows:
            registry.rollback()
            return
        last = (rows[-1].tenant_id, rows[-1].number)
        yield rows


def _rewrap(registry: Session, changes: list[dict[str, Any]]) -> None:
    if changes:
        place = (DataKey.tenant_id == bindparam("of_tenant"), DataKey.number == bindparam("of_number"))
        connection = registry.connection()
        connection.execute(update(DataKey).where(*place).values(wrapped=bindparam("again")), changes)
        first = [change for change in changes if change["of_number"] == FIRST_KEY]
        if first:
            repeated = update(Tenant).where(Tenant.id == bindparam("of_tenant"), Tenant.wrapped_key.is_not(None))
            connection.execute(repeated.values(wrapped_key=bindparam("again")), first)
    registry.commit()
