"""Brings an earlier state of one company back beside the living one, from a server that was restored for that."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial

import psycopg
from cryptography.exceptions import InvalidTag
from sqlalchemy import select

from trilend.archives.carrying import Progress, cargo_of, in_silence
from trilend.archives.errors import NotACopy, NotInPast
from trilend.archives.landing import Arrival, land, reserve
from trilend.archives.models import Act
from trilend.archives.shelves import objects_of, read_object
from trilend.storage.keys import KeyRing, ring_of, unwrap
from trilend.tenancy.context import BoundTenant, RegistrySession
from trilend.tenancy.door import Reason
from trilend.tenancy.lifecycle.service import By, log_event
from trilend.tenancy.models import Door, Tenant
from trilend.tenancy.tables import Connection, begin_snapshot


def restore_company(
    tenant_id: str,
    server_url: str,
    slug: str,
    *,
    shard: str = "",
    actor: str = "operator",
    job_id: int | None = None,
    progress: Progress = in_silence,
) -> BoundTenant:
    """Bring a company, as a restored server has it, beside the living one, under an address of its own.

    `server_url` is the restored server as its owner of schemas or as a superuser. The living company is only read.
    The copy is of the living one's kind and number and can only be read until an operator opens it; its jobs and
    connections are set aside. Objects come from the living company's storage: those that were removed since then are
    missing. Raises `NotInPast`, `OtherStructure`, `AddressTaken`, `NotFaithful`; then nothing is kept.
    """
    with RegistrySession() as registry:
        living = registry.get_one(Tenant, tenant_id)
        registry.expunge(living)
    with _past(server_url, living) as past:
        ring = _ring(past, tenant_id)
        passage_id = reserve(
            Act.RESTORE,
            slug=slug,
            uscc=living.uscc,
            is_copy=True,
            shard=shard or living.shard,
            actor=actor,
            job_id=job_id,
        )
        return land(passage_id, _arrival(past, living, slug, ring), progress)


def open_copy(tenant_id: str, *, actor: str = "operator") -> None:
    """Let people work in an earlier state that was brought back; raises `NotACopy`."""
    with RegistrySession() as registry:
        copy = registry.get_one(Tenant, tenant_id, with_for_update=True)
        if copy.copy_of is None or copy.door_reason != Reason.RESTORED:
            raise NotACopy(copy.slug)
        copy.door, copy.door_reason = Door.OPEN, ""
        log_event(registry, tenant_id, "copy_opened", By(actor))
        registry.commit()


def _arrival(past: Connection, living: Tenant, slug: str, ring: KeyRing) -> Arrival:
    return Arrival(
        slug=slug,
        kind=living.kind,
        name=living.name,
        uscc=living.uscc,
        ring=ring,
        cargo=cargo_of(past, living.schema),
        objects=_objects_of(living.id),
        copy_of=living.id,
        door=Door.READ_ONLY,
        door_reason=Reason.RESTORED,
    )


@contextmanager
def _past(server_url: str, living: Tenant) -> Iterator[Connection]:
    url = server_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as past:
        if past.execute("SELECT to_regnamespace(%s) IS NULL", (living.schema,)).fetchone() == (True,):
            raise NotInPast(living.slug)
        begin_snapshot(past, living.schema)
        yield past


def _ring(past: Connection, tenant_id: str) -> KeyRing:
    """The keys of then and of now: what was sealed then may have been sealed with one that was destroyed since."""
    then = _keys_of_then(past, tenant_id)
    with RegistrySession() as registry:
        now_ = ring_of(registry, tenant_id) if _has_keys(registry.get_one(Tenant, tenant_id)) else None
        registry.commit()
    keys = {**then, **(now_.keys if now_ else {})}
    return KeyRing(keys, now_.active if now_ else max(keys))


def _keys_of_then(past: Connection, tenant_id: str) -> dict[int, bytes]:
    """The restored registry's keys, if it is on this server; those of another master key cannot be opened."""
    if past.execute("SELECT to_regclass('trilend.data_key') IS NULL").fetchone() == (True,):
        return {}
    found: dict[int, bytes] = {}
    rows = past.execute("SELECT number, wrapped FROM trilend.data_key WHERE tenant_id = %s", (tenant_id,)).fetchall()
    for number, wrapped in rows:
        try:
            found[int(str(number))] = unwrap(bytes(wrapped))  # type: ignore[call-overload]
        except InvalidTag:
            continue
    return found


def _has_keys(tenant: Tenant) -> bool:
    return bool(tenant.data_keys) or tenant.wrapped_key is not None


def _objects_of(tenant_id: str) -> dict[str, Callable[[], Iterable[bytes]]]:
    return {name: partial(read_object, tenant_id, name) for name in objects_of(tenant_id)}


def copies_of(tenant_id: str) -> list[BoundTenant]:
    """Earlier states of a company that were brought back."""
    with RegistrySession() as registry:
        found = registry.scalars(select(Tenant).where(Tenant.copy_of == tenant_id).order_by(Tenant.created_at))
        return [BoundTenant.of(copy) for copy in found]
