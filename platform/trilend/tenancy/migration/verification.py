"""Compares the schemas of all tenants with fresh ones, and shuts the door of one that is different."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

import psycopg
from sqlalchemy import select, update

from trilend.kinds import kinds
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.door import DIFFERS
from trilend.tenancy.migration.fingerprint import compare, digests, fingerprint, fresh_lines
from trilend.tenancy.migration.steps import Position, is_newer, targets
from trilend.tenancy.migration.travellers import Traveller
from trilend.tenancy.models import Spare, Tenant, TenantState
from trilend.tenancy.servers import owner_connection

_PORTION = 200


@dataclass
class VerificationReport:
    """How many schemas equal a fresh one; how the others differ, by slug; and who is not at this release at all."""

    equal: int = 0
    different: dict[str, str] = field(default_factory=dict)
    behind: list[str] = field(default_factory=list)


def verify_fleet(slugs: Sequence[str] = ()) -> VerificationReport:
    """Compare everybody (or these tenants) with a fresh schema of their kind, many in one query.

    The outcome is kept: a tenant that differs is marked and served to nobody until it has been mended and verified.
    """
    report = VerificationReport()
    everybody = _everybody(slugs)
    current = targets()
    report.behind = [each.slug for each in everybody if _is_behind(each, current)]
    arrived = [each for each in everybody if each.revision == current[each.kind]]
    for (shard, kind), group in groupby(arrived, key=lambda each: (each.shard, each.kind)):
        _compare_group(shard, kind, list(group), report)
    return report


def _is_behind(each: Traveller, current: Mapping[str, str]) -> bool:
    """Whether a tenant has steps to take; one that a newer release has moved on can be judged by that one only."""
    return each.revision != current[each.kind] and not is_newer(each.kind, Position.read(each.revision))


def _compare_group(shard: str, kind: str, group: Sequence[Traveller], report: VerificationReport) -> None:
    fresh = fresh_lines(kind, shard)
    expected = fingerprint(fresh)
    with owner_connection(shard) as owner:
        for portion in _portions(group):
            found = digests(owner, [(each.schema, each.cell) for each in portion])
            different = [each for each in portion if found.get(each.schema) != expected]
            report.equal += len(portion) - len(different)
            reasons = {each: _reason(owner, each, fresh) for each in different}
            report.different |= {each.slug: reason for each, reason in reasons.items()}
            _keep(portion, reasons)


def _reason(owner: psycopg.Connection[tuple[object, ...]], each: Traveller, fresh: Sequence[str]) -> str:
    return str(compare(owner, each.schema, each.cell, fresh))


def _keep(portion: Iterable[Traveller], reasons: dict[Traveller, str]) -> None:
    with RegistrySession() as registry:
        for model, are_spares in ((Tenant, False), (Spare, True)):
            sound = [each.id for each in portion if each.is_spare == are_spares and each not in reasons]
            registry.execute(update(model).where(model.id.in_(sound), model.fault.startswith(DIFFERS)).values(fault=""))
        for each, reason in reasons.items():
            model = Spare if each.is_spare else Tenant
            registry.execute(update(model).where(model.id == each.id).values(fault=f"{DIFFERS}{reason}"[:500]))
        registry.commit()


def _everybody(slugs: Sequence[str]) -> Sequence[Traveller]:
    living = Tenant.state.not_in((TenantState.PROVISIONING, TenantState.CLOSED))
    tenants = select(Tenant).where(living, Tenant.slug.in_(slugs)) if slugs else select(Tenant).where(living)
    with RegistrySession() as registry:
        found = [Traveller(t.id, t.slug, t.kind, t.shard, t.cell, t.revision, False) for t in registry.scalars(tenants)]
        if not slugs:
            found += [
                Traveller(s.id, s.id, s.kind, s.shard, s.cell, s.revision, True)
                for s in registry.scalars(select(Spare).where(Spare.revision != ""))
            ]
    found = [each for each in found if each.kind in kinds()]
    return sorted(found, key=lambda each: (each.shard, each.kind, each.id))


def _portions(group: Sequence[Traveller]) -> Iterable[Sequence[Traveller]]:
    return (group[start : start + _PORTION] for start in range(0, len(group), _PORTION))
