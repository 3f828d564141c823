"""What administrators and operators do on pages: export with a download that expires, move, announce, take back."""

import re
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from sqlalchemy import select, update
from tests import stack
from tests.conftest import PASSWORD
from tests.flow.archives.conftest import SECOND, Contents
from tests.isolation.test_http_walls import sign_in
from werkzeug.test import Client

from trilend.archives.closing import announce_closing
from trilend.archives.models import Act, Passage, Stage
from trilend.archives.requests import request_export
from trilend.archives.shelves import archives_of
from trilend.audit.models import AuditEntry
from trilend.console.service import add_operator
from trilend.db.base import now
from trilend.identity.service import add_person
from trilend.jobs.models import RegistryJob
from trilend.jobs.service import run_job
from trilend.tenancy.context import BoundTenant, RegistrySession, bound, tenant_session
from trilend.tenancy.service import forget_tenants, tenant_by_id

Company = tuple[BoundTenant, Contents]
PASSPHRASE = "a passphrase of its own"


@pytest.fixture
def admin(company: Company, browse: Callable[[str], Client]) -> Client:
    """The company's administrator, signed in."""
    client = browse(f"{company[0].slug}.localhost")
    sign_in(client)
    return client


@pytest.fixture
def console(installation: Any, browse: Callable[[str], Client]) -> Client:
    """An operator, signed in."""
    with RegistrySession() as registry:
        add_operator(registry, username="operator", name="运营", password=PASSWORD)
        registry.commit()
    client = browse("console.localhost")
    token = _token(client.get("/login").get_data(as_text=True))
    client.post("/login", data={"csrf_token": token, "username": "operator", "password": PASSWORD})
    return client


def test_an_administrator_exports_and_downloads(company: Company, admin: Client) -> None:
    tenant, _ = company
    _ask_for_export(admin)
    page = admin.get("/exports/").get_data(as_text=True)
    assert "正在处理" in page
    _run(tenant.id)

    page = admin.get("/exports/").get_data(as_text=True)
    link = re.search(r'href="(/exports/\d+/archive)"', page)
    assert link
    answer = admin.get(link[1])
    assert answer.mimetype == "application/zip"
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    with zipfile.ZipFile(BytesIO(answer.data)) as opened:
        assert b"company.export_asked" in opened.read("tables/audit_entry.csv")
    with bound(tenant):
        acts = tenant_session.scalars(select(AuditEntry.act).order_by(AuditEntry.id.desc()).limit(2)).all()
    assert acts == ["company.export_downloaded", "company.export_asked"]


def test_the_passphrase_is_kept_nowhere(company: Company, admin: Client, installation: Any) -> None:
    _ask_for_export(admin)
    with RegistrySession() as registry:
        kept = [str(passage.details) for passage in registry.scalars(select(Passage))]
        kept += [str(job.payload) for job in registry.scalars(select(RegistryJob))]
    assert not [text for text in kept if PASSPHRASE in text]
    _run(company[0].id)
    with RegistrySession() as registry:
        made = registry.scalars(select(Passage).where(Passage.tenant_id == company[0].id)).one()
        assert made.details["key"] == ""


@pytest.mark.parametrize(("first", "second"), [("too short", "too short"), (PASSPHRASE, "another passphrase")])
def test_a_short_or_mistyped_passphrase_is_refused(company: Company, admin: Client, first: str, second: str) -> None:
    token = _token(admin.get("/exports/").get_data(as_text=True))
    answer = admin.post("/exports/", data={"csrf_token": token, "passphrase": first, "again": second})
    assert answer.status_code == 422
    assert _passages(company[0].id) == []


def test_an_export_expires(company: Company, admin: Client) -> None:
    tenant, _ = company
    _ask_for_export(admin)
    _run(tenant.id)
    with RegistrySession() as registry:
        found = registry.scalars(select(Passage).where(Passage.tenant_id == tenant.id)).one()
        found.due_at = now() - timedelta(seconds=1)
        registry.commit()
        path = f"/exports/{found.id}/archive"
    assert admin.get(path).status_code == 404
    assert len(archives_of(tenant.id)) == 1
    _run(tenant.id)
    assert archives_of(tenant.id) == []
    assert _passages(tenant.id) == [(Act.EXPORT, Stage.DONE)]


def test_an_export_of_another_company_is_not_given(
    company: Company, admin: Client, new_tenant: Callable[..., BoundTenant]
) -> None:
    other = new_tenant()
    with RegistrySession() as registry:
        theirs = request_export(registry, other.id, PASSPHRASE, actor="x").id
        registry.commit()
    _run(other.id)
    assert len(archives_of(other.id)) == 1
    assert admin.get(f"/exports/{theirs}/archive").status_code == 404


def test_without_the_right_nobody_exports(company: Company, browse: Callable[[str], Client]) -> None:
    tenant, _ = company
    with bound(tenant):
        add_person(
            tenant_session(),
            username="officer",
            name="陈信",
            email="o@example.com",
            password=PASSWORD,
            roles=["Officer"],
        )
        tenant_session.commit()
    client = browse(f"{tenant.slug}.localhost")
    token = _token(client.get("/login/").get_data(as_text=True))
    client.post("/login/", data={"csrf_token": token, "username": "officer", "password": PASSWORD})
    assert client.get("/exports/").status_code in (302, 403)
    assert _passages(tenant.id) == []


def test_a_company_that_is_being_closed_can_still_export(company: Company, escrow: str, admin: Client) -> None:
    tenant, _ = company
    announce_closing(tenant.id)
    forget_tenants()
    _ask_for_export(admin)
    _run(tenant.id)
    assert (Act.EXPORT, Stage.READY) in _passages(tenant.id)


def test_an_operator_moves_a_company(company: Company, two_servers: stack.Database, console: Client) -> None:
    tenant, _ = company
    page = f"/companies/{tenant.id}/whole"
    token = _token(console.get(page).get_data(as_text=True))
    console.post(f"{page}/server", data={"csrf_token": token, "server": SECOND})
    _run(tenant.id)
    assert tenant_by_id(tenant.id).shard == SECOND
    assert f"primary → {SECOND}" in console.get(page).get_data(as_text=True)


def test_an_operator_announces_a_closing_and_takes_it_back(company: Company, escrow: str, console: Client) -> None:
    tenant, _ = company
    page = f"/companies/{tenant.id}/whole"
    token = _token(console.get(page).get_data(as_text=True))
    console.post(f"{page}/close", data={"csrf_token": token})
    assert not tenant_by_id(tenant.id).admission.is_open
    assert _passages(tenant.id) == [(Act.CLOSE, Stage.ANNOUNCED)]
    console.post(f"{page}/keep", data={"csrf_token": token})
    assert tenant_by_id(tenant.id).admission.is_open
    history = console.get(f"/companies/{tenant.id}").get_data(as_text=True)
    assert "运营" in history


def test_without_signing_in_no_page_on_companies_opens(company: Company, browse: Callable[[str], Client]) -> None:
    client = browse("console.localhost")
    assert client.get(f"/companies/{company[0].id}/whole").status_code == 302
    assert client.post(f"/companies/{company[0].id}/whole/close").status_code in (302, 400)
    assert _passages(company[0].id) == []


def _ask_for_export(client: Client) -> None:
    token = _token(client.get("/exports/").get_data(as_text=True))
    answer = client.post("/exports/", data={"csrf_token": token, "passphrase": PASSPHRASE, "again": PASSPHRASE})
    assert answer.status_code == 303


def _token(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def _passages(tenant_id: str) -> list[tuple[str, str]]:
    with RegistrySession() as registry:
        found = select(Passage).where(Passage.tenant_id == tenant_id).order_by(Passage.id)
        return [(passage.act, passage.stage) for passage in registry.scalars(found)]


def _run(tenant_id: str) -> None:
    """Run the jobs of the platform that wait for this company, as if their time had come."""
    with RegistrySession() as registry:
        mine = list(registry.scalars(select(Passage.id).where(Passage.tenant_id == tenant_id)))
        waiting = registry.scalars(
            select(RegistryJob).where(RegistryJob.name.startswith("archives."), RegistryJob.state == "queued")
        ).all()
        ids = [
            job.id for job in waiting if job.payload.get("passage") in mine or job.payload.get("tenant") == tenant_id
        ]
        registry.execute(update(RegistryJob).where(RegistryJob.id.in_(ids)).values(not_before=now()))
        registry.commit()
    for job_id in sorted(ids, reverse=True):
        run_job(None, job_id)
