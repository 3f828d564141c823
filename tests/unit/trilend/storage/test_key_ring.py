"""A tenant's numbered data keys: what was sealed before there were numbers, rings carried elsewhere, keys destroyed."""

import secrets
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import LargeBinary, bindparam, select, text, type_coerce, update

from trilend.documents.models import Document
from trilend.documents.service import AREA, content_of
from trilend.parties.models import Party, PartyKind
from trilend.storage import objects
from trilend.storage.errors import KeyMissing
from trilend.storage.keys import INDEX_KEY, KeyRing, destroy_keys, ring_of, store_ring
from trilend.storage.numbered import number_of
from trilend.storage.sealed import blind_index
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.models import DataKey, Tenant
from trilend.tenancy.service import tenant_by_id

IDENTIFIER = "11010119900307123X"


def ring(tenant: BoundTenant) -> KeyRing:
    with RegistrySession() as registry:
        return ring_of(registry, tenant.id)


def with_ring(tenant: BoundTenant, given: KeyRing) -> BoundTenant:
    with RegistrySession() as registry:
        store_ring(registry, tenant.id, given)
        registry.commit()
    return tenant_by_id(tenant.id)


def with_further_key(tenant: BoundTenant) -> BoundTenant:
    held = ring(tenant)
    number = held.active + 1
    return with_ring(tenant, KeyRing(dict(held.keys) | {number: secrets.token_bytes(32)}, number))


def add_party(identifier: str = IDENTIFIER) -> int:
    session = tenant_session()
    party = Party(
        kind=PartyKind.PERSON,
        name="张三",
        identifier=identifier,
        identifier_index=blind_index(identifier),
        mobile="13800138000",
        account_number="6222020000000000000",
        account_index=blind_index("6222020000000000000"),
    )
    session.add(party)
    session.commit()
    return party.id


def sealed_identifier(party: int) -> bytes:
    raw = select(type_coerce(Party.identifier, LargeBinary)).where(Party.id == party)
    return bytes(tenant_session().scalar(raw) or b"")


def first_release_seal(data_key: bytes, purpose: bytes, plain: bytes, context: bytes) -> bytes:
    """As the first release sealed, written out here so that nobody changes it along with the code."""
    key = HKDF(SHA256(), 32, salt=None, info=purpose).derive(data_key)
    nonce = secrets.token_bytes(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, context)


@pytest.fixture
def party(tenant: BoundTenant) -> Iterator[int]:
    with bound(tenant):
        yield add_party()


def test_a_value_sealed_before_keys_had_numbers_opens_before_and_after_a_new_key(
    tenant: BoundTenant, party: int
) -> None:
    old = first_release_seal(ring(tenant).keys[1], b"field", b"440301198001010016", b"text")
    with bound(tenant):
        change = update(Party).where(Party.id == party).values(identifier=type_coerce(bindparam("old"), LargeBinary))
        tenant_session().connection().execute(change, {"old": old})
        tenant_session().commit()
        assert tenant_session().get_one(Party, party).identifier == "440301198001010016"
    with bound(with_further_key(tenant)):
        assert tenant_session().get_one(Party, party).identifier == "440301198001010016"


def test_an_object_sealed_before_keys_had_numbers_opens_before_and_after_a_new_key(
    tenant: BoundTenant, installation: Any
) -> None:
    key = f"documents/{secrets.token_hex(16)}"
    file = installation.folder / "objects" / tenant.id / key
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(first_release_seal(ring(tenant).keys[1], b"object", b"%PDF-1.7 old", key.encode()))
    content = b"%PDF-1.7 old"
    for holder in (tenant, with_further_key(tenant)):
        with bound(holder):
            filed = Document(
                subject_type="loan",
                subject_id=1,
                kind="contract",
                title="合同",
                media_type="application/pdf",
                object_key=key,
                sha256=sha256(content).hexdigest(),
                size=len(content),
            )
            tenant_session().add(filed)
            tenant_session().commit()
            assert content_of(filed) == content


def test_the_first_release_can_read_what_is_sealed_with_the_first_key(tenant: BoundTenant, party: int) -> None:
    key = HKDF(SHA256(), 32, salt=None, info=b"field").derive(ring(tenant).keys[1])
    sealed = sealed_identifier(party)
    assert AESGCM(key).decrypt(sealed[:12], sealed[12:], b"text").decode() == IDENTIFIER


def test_values_say_which_key_they_are_sealed_with(tenant: BoundTenant, party: int) -> None:
    assert number_of(sealed_identifier(party)) == 1
    with bound(with_further_key(tenant)):
        later = add_party("110101199003071231")
        assert number_of(sealed_identifier(later)) == 2
        assert tenant_session().get_one(Party, later).identifier == "110101199003071231"


def test_work_that_began_before_a_new_key_reads_what_was_sealed_since(tenant: BoundTenant) -> None:
    with bound(with_further_key(tenant)):
        later = add_party()
    with bound(tenant):
        assert 2 not in tenant.wrapped_keys
        assert tenant_session().get_one(Party, later).identifier == IDENTIFIER


def test_a_blind_index_is_the_same_under_every_key_in_use(tenant: BoundTenant) -> None:
    with bound(tenant):
        before = blind_index(IDENTIFIER)
    with bound(with_further_key(tenant)):
        assert blind_index(IDENTIFIER) == before


def test_a_ring_carried_to_another_tenant_opens_what_it_sealed(
    tenant: BoundTenant, party: int, new_tenant: Callable[..., BoundTenant]
) -> None:
    second = with_further_key(tenant)
    with bound(second):
        old, new = sealed_identifier(party), sealed_identifier(add_party("110101199003071231"))
        index = blind_index(IDENTIFIER)
    held = ring(second)
    other = with_ring(new_tenant(), held)
    assert ring(other) == held
    assert other.active_key == 2
    with bound(other):
        moved = add_party("x")
        for sealed, plain in ((old, IDENTIFIER), (new, "110101199003071231")):
            statement = text("UPDATE party SET identifier = :sealed WHERE id = :id")
            tenant_session().execute(statement, {"sealed": sealed, "id": moved})
            tenant_session().commit()
            assert tenant_session().get_one(Party, moved).identifier == plain
        assert blind_index(IDENTIFIER) == index


def test_destroyed_keys_leave_nothing_that_opens(tenant: BoundTenant, party: int) -> None:
    with bound(tenant):
        stored = objects.put(tenant_session(), AREA, b"contract")
        tenant_session().commit()
        key = stored.key
    with RegistrySession() as registry:
        destroy_keys(registry, tenant.id)
        registry.commit()
        assert registry.get_one(Tenant, tenant.id).wrapped_key is None
        assert registry.get(DataKey, (tenant.id, 1)) is None
        with pytest.raises(KeyMissing):
            ring_of(registry, tenant.id)
    with bound(tenant_by_id(tenant.id)):
        with pytest.raises(KeyMissing):
            tenant_session().get_one(Party, party)
        with pytest.raises(KeyMissing):
            objects.read(objects.find(tenant_session(), key))
        with pytest.raises(KeyMissing):
            blind_index(IDENTIFIER)
        with pytest.raises(KeyMissing):
            add_party("y")


def test_a_tenant_signed_up_by_the_release_before_gets_its_row_when_it_is_needed(
    tenant: BoundTenant, party: int
) -> None:
    with RegistrySession() as registry:
        registry.delete(registry.get_one(DataKey, (tenant.id, 1)))
        registry.commit()
    with bound(tenant_by_id(tenant.id)):
        assert tenant_session().get_one(Party, party).identifier == IDENTIFIER
    with RegistrySession() as registry:
        ring_of(registry, tenant.id)
        registry.commit()
        assert registry.get_one(DataKey, (tenant.id, 1)).retired_at is None


def test_keys_are_not_shown_where_a_tenant_or_a_ring_is(tenant: BoundTenant) -> None:
    held = ring(tenant)
    assert repr(held) == "KeyRing(active=1)"
    assert "wrapped" not in repr(tenant)
    assert INDEX_KEY not in held.keys
