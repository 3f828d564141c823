"""Invariant 2: what one tenant's people and programs hold is refused in another."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.documents.service import AREA
from trilend.errors import NotFound
from trilend.storage import objects
from trilend.storage.errors import ObjectDamaged, ObjectMissing
from trilend.storage.models import StoredObject
from trilend.tenancy.context import bound, tenant_session


def sign_in(client: Client, password: str = PASSWORD) -> None:
    page = client.get("/login/").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    answer = client.post("/login/", data={"csrf_token": token[1], "username": "admin", "password": password})
    assert answer.status_code == 302


@pytest.fixture
def other(new_tenant: Callable[..., Any]) -> Any:
    return new_tenant(name="另一家小额贷款有限公司")


def test_a_cookie_of_one_tenant_is_refused_on_anothers_host(
    browse: Callable[[str], Client], tenant: Any, other: Any
) -> None:
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    assert client.get("/customers/").status_code == 200
    cookie = client.get_cookie("trilend_tenant", domain=f"{tenant.slug}.localhost")
    assert cookie
    replay = browse(f"{other.slug}.localhost")
    replay.set_cookie("trilend_tenant", cookie.value, domain=f"{other.slug}.localhost")
    answer = replay.get("/customers/")
    assert answer.status_code == 302
    assert "/login/" in answer.location


def test_a_cookie_is_not_sent_to_sub_or_sister_domains(browse: Callable[[str], Client], tenant: Any) -> None:
    client = browse(f"{tenant.slug}.localhost")
    cookie = client.get("/login/").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Domain=" not in cookie


def test_a_form_token_of_one_tenant_is_refused_in_another(
    browse: Callable[[str], Client], tenant: Any, other: Any
) -> None:
    mine, theirs = browse(f"{tenant.slug}.localhost"), browse(f"{other.slug}.localhost")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', mine.get("/login/").get_data(as_text=True))
    assert token
    theirs.get("/login/")
    answer = theirs.post("/login/", data={"csrf_token": token[1], "username": "admin", "password": PASSWORD})
    assert answer.status_code == 400


def test_people_of_one_tenant_are_unknown_in_another(
    browse: Callable[[str], Client], session: Any, tenant: Any, other: Any
) -> None:
    from trilend.identity.service import add_person

    add_person(session, username="only-here", name="甲", email="a@example.com", password=PASSWORD, roles=["Officer"])
    session.commit()
    client = browse(f"{other.slug}.localhost")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login/").get_data(as_text=True))
    assert token
    client.post("/login/", data={"csrf_token": token[1], "username": "only-here", "password": PASSWORD})
    assert client.get("/customers/").status_code == 302


@pytest.mark.parametrize("path", ["/loans/", "/applications/", "/products/", "/imports/", "/contracts/1/contract.pdf"])
def test_pages_of_another_kind_do_not_exist(
    browse: Callable[[str], Client], new_tenant: Callable[..., Any], path: str
) -> None:
    guarantee = new_tenant("guarantee", name="安信融资担保有限公司")
    client = browse(f"{guarantee.slug}.localhost")
    sign_in(client)
    assert client.get("/customers/").status_code == 200
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "nobody-here.localhost", "a.b.localhost"])
def test_a_host_that_is_nobodys_gets_no_tenant(browse: Callable[[str], Client], host: str) -> None:
    assert browse(host).get("/login/").status_code == 404


def test_forwarded_hosts_are_not_looked_at(browse: Callable[[str], Client], tenant: Any, other: Any) -> None:
    client = browse(f"{tenant.slug}.localhost")
    page = client.get(
        "/login/", headers={"X-Forwarded-Host": f"{other.slug}.localhost", "Forwarded": f"host={other.slug}.localhost"}
    )
    assert tenant.name in page.get_data(as_text=True)
    assert other.name not in page.get_data(as_text=True)


def test_an_object_key_of_one_tenant_opens_nothing_in_another(tenant: Any, other: Any) -> None:
    with bound(tenant):
        stored = objects.put(tenant_session(), AREA, b"contract")
        tenant_session().commit()
        key = stored.key
        assert objects.read(objects.find(tenant_session(), key)) == b"contract"
    with bound(other):
        for attempt in (key, f"../{tenant.id}/{key}", f"documents/../../{tenant.id}/{key}"):
            with pytest.raises(NotFound):
                objects.find(tenant_session(), attempt)


def test_a_row_that_names_anothers_object_opens_nothing(tenant: Any, other: Any, installation: Any) -> None:
    with bound(tenant):
        stored = objects.put(tenant_session(), AREA, b"contract")
        tenant_session().commit()
        key, copied = stored.key, {name: getattr(stored, name) for name in ("area", "size", "sha256", "media_type")}
    with bound(other):
        forged = StoredObject(key=key, key_number=1, **copied)
        tenant_session().add(forged)
        tenant_session().commit()
        with pytest.raises(ObjectMissing):
            objects.read(forged)
        for path in (f"../{tenant.id}/{key}", f"documents/../../{tenant.id}/{key}"):
            with pytest.raises(ObjectMissing):
                objects.read(StoredObject(key=path, key_number=1, **copied))
        # Even with the sealed bytes copied into its own folder another's key opens nothing.
        target = installation.folder / "objects" / other.id / key
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((installation.folder / "objects" / tenant.id / key).read_bytes())
        with pytest.raises(ObjectDamaged):
            objects.read(forged)


def test_a_stored_object_is_not_readable_without_the_tenants_key(installation: Any, tenant: Any) -> None:
    with bound(tenant):
        objects.put(tenant_session(), AREA, b"a very plain sentence")
        tenant_session().commit()
    stored = [file.read_bytes() for file in (installation.folder / "objects").rglob("*") if file.is_file()]
    assert stored
    assert not any(b"a very plain sentence" in content for content in stored)


def test_a_signing_link_of_one_tenant_is_unknown_in_another(
    browse: Callable[[str], Client], tenant: Any, other: Any
) -> None:
    assert browse(f"{other.slug}.localhost").get("/sign/x" * 3).status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/customers/", "/loans/", "/connections/", "/people/list/", "/books/", "/api-clients/"]
)
def test_nobody_gets_in_without_signing_in(browse: Callable[[str], Client], tenant: Any, path: str) -> None:
    answer = browse(f"{tenant.slug}.localhost").get(path)
    assert answer.status_code == 302
    assert "/login/" in answer.location
