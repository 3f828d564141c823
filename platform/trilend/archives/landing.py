"""Gives a company that comes from elsewhere a space, its objects, its keys and, last of all, its name."""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from trilend.archives import passages
from trilend.archives.carrying import (
    Cargo,
    Progress,
    follow_objects,
    make_empty_space,
    remove_space,
    set_work_aside,
    take_in,
)
from trilend.archives.earlier import bring_forward, has_other_structure, make_earlier_space
from trilend.archives.errors import AddressTaken, NotAnArchive, NotFaithful, UnknownServer
from trilend.archives.models import Act, Passage, Stage
from trilend.archives.shelves import clear_objects, read_object
from trilend.db.base import now
from trilend.storage.keys import KeyRing, store_ring
from trilend.storage.objects import key_of
from trilend.storage.stores.interface import store
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.errors import CompanyTaken
from trilend.tenancy.lifecycle.service import By, log_event
from trilend.tenancy.migration.steps import targets
from trilend.tenancy.migration.travellers import Traveller
from trilend.tenancy.models import Door, Tenant, TenantState
from trilend.tenancy.names import check_slug, look_of
from trilend.tenancy.servers import owner_connection, servers
from trilend.tenancy.service import emptiest_cell, is_company_free, is_slug_free, new_id, new_shard, tenant_by_id
from trilend.tenancy.tables import Tally, enter

log = structlog.get_logger(__name__)

_ASIDE = (
    "It waited when the company was carried here, and may have been done where it comes from: look before you retry."
)


@dataclass(frozen=True)
class Arrival:
    """A company that is to be taken in: what the registry will say of it, its keys, rows and objects.

    It comes in on trial, so that no real money moves before an operator has looked at it.
    `revision` is where its rows are from if that is not this release: they come in as they were, and are brought forward.
    `expected` holds digest and number of rows of each table if a manifest names them; `copy_of` the living tenant of
    which this is an earlier state.
    """

    slug: str
    kind: str
    name: str
    uscc: str
    ring: KeyRing
    cargo: Cargo
    objects: Mapping[str, Callable[[], Iterable[bytes]]]
    object_digests: Mapping[str, str] = field(default_factory=dict)
    expected: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    copy_of: str | None = None
    revision: str = ""
    door: Door = Door.OPEN
    door_reason: str = ""


def reserve(act: Act, *, slug: str, uscc: str, is_copy: bool, shard: str, actor: str, job_id: int | None) -> int:
    """Choose a place and begin a passage; raises `AddressTaken`, `CompanyTaken`, `InvalidSlug`, `UnknownServer`."""
    with RegistrySession() as registry:
        checked = check_slug(slug)
        if not is_slug_free(registry, checked):
            raise AddressTaken(checked, free_slug(registry, checked))
        if not is_copy and not is_company_free(registry, uscc):
            raise CompanyTaken(uscc)
        chosen = shard or new_shard()
        if chosen not in servers():
            raise UnknownServer(chosen, ", ".join(servers()))
        place = {"shard": chosen, "cell": emptiest_cell(registry, chosen)}
        passage = passages.begin(registry, act, new_id(), checked, actor=actor, details=place, job_id=job_id)
        registry.commit()
        return passage.id


def free_slug(registry: Session, slug: str) -> str:
    """An address like this one that nobody has."""
    for number in range(2, 10):
        candidate = f"{slug[:27]}-{number}"
        if is_slug_free(registry, candidate):
            return candidate
    return f"{slug[:20]}-{secrets.token_hex(4)}"


def land(passage_id: int, arrival: Arrival, progress: Progress) -> BoundTenant:
    """Make the space, fill it, prove it, put the objects in place, and enter the company into the registry at the end.

    Until that last transaction nobody knows the tenant; whatever fails before it, or kills this process, leaves a
    passage by which everything is removed again.
    """
    with passages.held(passage_id) as passage:
        try:
            _fill(passage, arrival, progress)
            _put_objects(passage.tenant_id, arrival)
            _enter_into_registry(passage, arrival)
        except BaseException as error:
            undo(passage, str(error))
            raise
        return tenant_by_id(passage.tenant_id)


def undo(passage: Passage, fault: str) -> None:
    """Remove what a landing has left; nothing happens if it came to its end."""
    with RegistrySession() as registry:
        if passage.stage == Stage.BEGUN:
            passages.advance(registry, passage, Stage.UNDOING, since=Stage.BEGUN, fault=fault)
            registry.commit()
    if passage.stage != Stage.UNDOING:
        return
    remove_space(passage.details["shard"], f"t_{passage.tenant_id}")
    clear_objects(passage.tenant_id)
    with RegistrySession() as registry:
        passages.advance(registry, passage, Stage.UNDONE, since=Stage.UNDOING, fault=fault or passage.fault)
        registry.commit()
    log.warning("a company was not taken in", slug=passage.slug, fault=fault)


def _fill(passage: Passage, arrival: Arrival, progress: Progress) -> None:
    schema, shard, cell = f"t_{passage.tenant_id}", passage.details["shard"], passage.details["cell"]
    is_earlier = bool(arrival.revision) and arrival.revision != targets()[arrival.kind]
    with owner_connection(shard) as owner:
        if is_earlier and has_other_structure(arrival.kind, arrival.revision):
            make_earlier_space(owner, schema, cell, arrival.kind, arrival.revision)
        else:
            make_empty_space(owner, schema, cell, arrival.kind)
        arrived = take_in(owner, schema, arrival.cargo, progress)
        _as_expected(arrived, arrival.expected)
    if is_earlier:
        traveller = Traveller(
            passage.tenant_id, passage.slug, arrival.kind, shard, cell, arrival.revision, is_spare=False
        )
        bring_forward(traveller, arrival.ring)
    with owner_connection(shard) as owner:
        enter(owner, schema)
        follow_objects(owner, arrival.objects)
        set_work_aside(owner, _ASIDE)


def _as_expected(arrived: Mapping[str, Tally], expected: Mapping[str, tuple[str, int]]) -> None:
    different = [
        name for name, (digest, rows) in expected.items() if arrived[name] != Tally(digest, arrived[name].size, rows)
    ]
    if different:
        raise NotFaithful(", ".join(different))


def _put_objects(tenant_id: str, arrival: Arrival) -> None:
    """Write each object and read it again: what the store gives back must be what came."""
    for name, pieces in arrival.objects.items():
        if key_of(f"{tenant_id}/{name}") is None:
            raise NotAnArchive(f"it names an object {name!r}")
        came, kept = Tally(), Tally()
        store().write(f"{tenant_id}/{name}", came.over(pieces()))
        for _ in kept.over(read_object(tenant_id, name)):
            pass
        if kept != came or came.sha256 != arrival.object_digests.get(name, came.sha256):
            raise NotFaithful(name)


def _enter_into_registry(passage: Passage, arrival: Arrival) -> None:
    with RegistrySession() as registry:
        tenant = Tenant(
            id=passage.tenant_id,
            slug=passage.slug,
            look=look_of(passage.slug),
            kind=arrival.kind,
            name=arrival.name,
            uscc=arrival.uscc,
            state=TenantState.TRIAL,
            revision=targets()[arrival.kind],
            shard=passage.details["shard"],
            cell=passage.details["cell"],
            door=arrival.door,
            door_reason=arrival.door_reason,
            copy_of=arrival.copy_of,
            ready_at=now(),
        )
        try:
            with registry.begin_nested():
                registry.add(tenant)
        except IntegrityError as error:
            if "uscc" in str(error.orig):
                raise CompanyTaken(arrival.uscc) from error
            raise AddressTaken(passage.slug, free_slug(registry, passage.slug)) from error
        store_ring(registry, tenant.id, arrival.ring)
        log_event(registry, arrival.copy_of or tenant.id, "copied" if arrival.copy_of else "made", By(passage.actor))
        passages.advance(registry, passage, Stage.DONE, since=Stage.BEGUN)
        registry.commit()
