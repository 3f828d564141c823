"""Invariant 2 for links to files: each is good for one company, one file, one purpose and a limited time."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from werkzeug.test import Client

from trilend.audit.service import Actor
from trilend.db.base import now
from trilend.documents.models import Document
from trilend.documents.service import file_document, stored_of
from trilend.storage import objects
from trilend.storage.errors import LinkRefused
from trilend.storage.links import link_token, linked_object
from trilend.tenancy.context import BoundTenant, bound, tenant_session

CONTENT = b"%PDF-1.7\n" + secrets.token_bytes(200_000)


def file(tenant: BoundTenant, content: bytes = CONTENT) -> Document:
    return file_document(
        tenant_session(),
        subject_type="loan",
        subject_id=1,
        kind="contract",
        title="合同",
        media_type="application/pdf",
        content=content,
    )


def token_of(tenant: BoundTenant, purpose: str = "read", life: timedelta = timedelta(minutes=5)) -> str:
    with bound(tenant):
        stored = stored_of(file(tenant))
        tenant_session().commit()
        return link_token(stored, purpose, now() + life)


@pytest.fixture
def client(browse: Callable[[str], Client], tenant: BoundTenant) -> Client:
    return browse(f"{tenant.slug}.localhost")


def test_a_link_shows_its_file_to_whoever_holds_it(client: Client, tenant: BoundTenant) -> None:
    answer = client.get(f"/files/read/{token_of(tenant)}/合同.pdf")
    assert (answer.status_code, answer.data) == (200, CONTENT)
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Content-Disposition"] == "inline; filename*=UTF-8''%E5%90%88%E5%90%8C.pdf"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_link_of_one_company_is_refused_in_another(
    browse: Callable[[str], Client], tenant: BoundTenant, new_tenant: Callable[..., BoundTenant]
) -> None:
    other = new_tenant()
    token = token_of(tenant)
    for host, status in ((f"{other.slug}.localhost", 404), ("localhost", 404), ("console.localhost", 302)):
        answer = browse(host).get(
            f"/files/read/{token}/a.pdf", headers={"X-Forwarded-Host": f"{tenant.slug}.localhost"}
        )
        assert answer.status_code == status
        assert CONTENT[:9] not in answer.data
    with bound(other), pytest.raises(LinkRefused):
        linked_object(tenant_session(), token, "read")


def test_a_link_for_one_purpose_is_refused_for_another(client: Client, tenant: BoundTenant) -> None:
    token = token_of(tenant, "read")
    assert client.get(f"/files/download/{token}/a.pdf").status_code == 404
    assert client.get(f"/files/read/{token}/a.pdf").status_code == 200
    token = token_of(tenant, "download")
    assert client.get(f"/files/read/{token}/a.pdf").status_code == 404
    assert client.get(f"/files/download/{token}/a.pdf").headers["Content-Disposition"].startswith("attachment")


def test_a_link_is_refused_when_its_time_is_over(client: Client, tenant: BoundTenant) -> None:
    assert client.get(f"/files/read/{token_of(tenant, life=timedelta(0))}/a.pdf").status_code == 404
    assert client.get(f"/files/read/{token_of(tenant, life=timedelta(days=-1))}/a.pdf").status_code == 404


def test_a_link_that_was_altered_is_refused(client: Client, tenant: BoundTenant) -> None:
    first, second = token_of(tenant), token_of(tenant)
    payload, _, signature = first.rpartition(".")
    altered = [
        f"{second.rpartition('.')[0]}.{signature}",
        f"{payload}.{second.rpartition('.')[2]}",
        f"{payload}.",
        payload,
        f"{payload}x.{signature}",
        f".{signature}",
        first[:-1] + ("A" if first[-1] != "A" else "B"),
        first.swapcase(),
        "x",
    ]
    for token in altered:
        assert client.get(f"/files/read/{token}/a.pdf").status_code == 404, token
    assert client.get(f"/files/read/{first}/a.pdf").status_code == 200


def test_the_cookie_key_of_a_company_signs_no_link(client: Client, tenant: BoundTenant) -> None:
    import hmac
    from hashlib import sha256

    from itsdangerous import URLSafeSerializer

    from trilend.config import settings

    with bound(tenant):
        key = stored_of(file(tenant)).key
        tenant_session().commit()
    secret = settings().secret_key.get_secret_value().encode()
    for text in (f"session:{tenant.id}", f"file-link:{tenant.id}:", ":read"):
        forged = URLSafeSerializer(
            hmac.new(secret, text.encode(), sha256).digest(),
            salt="file-link",
            signer_kwargs={"digest_method": sha256, "key_derivation": "hmac"},
        ).dumps([key, int(now().timestamp()) + 300])
        assert client.get(f"/files/read/{forged}/a.pdf").status_code == 404


def test_a_link_to_a_deleted_file_is_refused(client: Client, tenant: BoundTenant) -> None:
    with bound(tenant):
        stored = stored_of(file(tenant))
        token = link_token(stored, "read", now() + timedelta(minutes=5))
        objects.delete(tenant_session(), Actor("王五"), stored, today=now().date(), reason="asked for")
        tenant_session().commit()
    assert client.get(f"/files/read/{token}/a.pdf").status_code == 404


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=70000-139999", 70_000, 139_999),
        ("bytes=-9", 200_000, 200_008),
        ("bytes=5-", 5, 200_008),
    ],
)
def test_a_part_of_a_file_can_be_asked_for(
    client: Client, tenant: BoundTenant, asked: str, first: int, last: int
) -> None:
    answer = client.get(f"/files/read/{token_of(tenant)}/a.pdf", headers={"Range": asked})
    assert answer.status_code == 206
    assert answer.data == CONTENT[first : last + 1]
    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(CONTENT)}"
    assert answer.headers["Content-Length"] == str(last - first + 1)


def test_a_part_that_is_not_there_is_refused_and_an_odd_wish_gets_the_whole(
    client: Client, tenant: BoundTenant
) -> None:
    url = f"/files/read/{token_of(tenant)}/a.pdf"
    answer = client.get(url, headers={"Range": "bytes=900000-"})
    assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(CONTENT)}")
    for wish in ("bytes=0-1,5-9", "lines=0-1", "nonsense"):
        answer = client.get(url, headers={"Range": wish})
        assert (answer.status_code, answer.data) == (200, CONTENT)


def test_what_the_reader_has_already_is_not_sent_again(client: Client, tenant: BoundTenant) -> None:
    url = f"/files/read/{token_of(tenant)}/a.pdf"
    etag = client.get(url).headers["ETag"]
    answer = client.get(url, headers={"If-None-Match": etag})
    assert (answer.status_code, answer.data) == (304, b"")
    changed = client.get(url, headers={"Range": "bytes=0-9", "If-Range": '"other"'})
    assert (changed.status_code, changed.data) == (200, CONTENT)
    assert client.head(url).headers["Content-Length"] == str(len(CONTENT))
    assert client.head(url).data == b""
