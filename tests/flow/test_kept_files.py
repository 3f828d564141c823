"""Stored files are listed by area; holds are set and lifted for a reason, by different rights; exports pass by themselves."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.audit.models import AuditEntry
from trilend.audit.service import SYSTEM, Actor
from trilend.auditing.jobs import EXPORTS
from trilend.company.papers import today_in_china
from trilend.db.base import now
from trilend.documents.service import file_document
from trilend.identity.service import add_person
from trilend.jobs.service import enqueue, run_job
from trilend.keeping.errors import AlreadyHeld, NotHeld, ReasonNeeded, UnknownFile
from trilend.keeping.listing import Kept, files_kept, use_by_area
from trilend.keeping.service import hold_file, lift_hold_of
from trilend.storage import objects
from trilend.storage.errors import UnderLegalHold
from trilend.storage.models import StoredObject
from trilend.storage.sweeping import SWEEP, expire
from trilend.tenancy.context import TenantSession, bound, tenant_session

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
LAWYER = Actor("陈静", 3)


@pytest.fixture(scope="module")
def company(new_tenant: Callable[..., Any]) -> Any:
    """A company whose people are an administrator and an auditor."""
    tenant = new_tenant()
    with bound(tenant):
        session = tenant_session()
        add_person(session, username="shen", name="审计", email="s@example.com", password=PASSWORD, roles=["Auditor"])
        add_person(session, username="xin", name="信贷", email="x@example.com", password=PASSWORD, roles=["Officer"])
        session.commit()
    return tenant


@pytest.fixture
def books(company: Any) -> Iterator[Session]:
    """The company's session, with whatever files the tests before left deleted."""
    with bound(company):
        session = tenant_session()
        session.execute(text("UPDATE stored_object SET legal_hold = ''"))
        session.execute(
            text("UPDATE stored_object SET deleted_at = now() WHERE deleted_at IS NULL AND retain_until IS NULL")
        )
        session.commit()
        yield session


@pytest.fixture
def enter(browse: Callable[[str], Client], company: Any) -> Callable[[str], Client]:
    """Signs somebody in."""

    def sign_in(name: str) -> Client:
        client = browse(f"{company.slug}.localhost")
        token = _TOKEN.search(client.get("/login/?lang=en").get_data(as_text=True))
        assert token
        client.post("/login/", data={"csrf_token": token[1], "username": name, "password": PASSWORD})
        return client

    return sign_in


def file(session: Session, title: str = "合同.pdf", size: int = 2048, **options: Any) -> StoredObject:
    content = b"%PDF-1.7\n" + b"0" * size
    filed = file_document(
        session,
        subject_type="loan",
        subject_id=1,
        kind="contract",
        title=title,
        media_type="",
        content=content,
        **options,
    )
    session.commit()
    return session.scalars(select(StoredObject).where(StoredObject.key == filed.object_key)).one()


def export(session: Session) -> StoredObject:
    stored = objects.put(session, EXPORTS, b"number,at\n1,2\n")
    session.commit()
    return stored


def post(client: Client, path: str, **data: str) -> Any:
    token = _TOKEN.search(client.get("/login/").get_data(as_text=True)) or _TOKEN.search(
        client.get("/kept-files/").get_data(as_text=True)
    )
    form = {"csrf_token": token[1]} if token else {}
    return client.post(path, data=form | data)


def acts(session: Session, file_id: int) -> list[tuple[str, str]]:
    session.rollback()
    rows = session.execute(
        select(AuditEntry.act, AuditEntry.reason)
        .where(AuditEntry.subject_type == "stored_object", AuditEntry.subject_id == file_id)
        .order_by(AuditEntry.id)
    )
    return [(row.act, row.reason) for row in rows]


def test_a_company_without_files_is_told_what_will_be_there(tenant: Any, browse: Callable[[str], Client]) -> None:
    client = browse(f"{tenant.slug}.localhost")
    token = _TOKEN.search(client.get("/login/?lang=en").get_data(as_text=True))
    assert token
    client.post("/login/", data={"csrf_token": token[1], "username": "admin", "password": PASSWORD})
    assert "No file is stored yet." in client.get("/kept-files/").get_data(as_text=True)


def test_files_are_listed_by_area_with_names_and_days(books: Session, enter: Callable[[str], Client]) -> None:
    before = {use.area: use for use in use_by_area(books, today_in_china())}
    day = today_in_china() + timedelta(days=30)
    kept = file(books, "保证合同.pdf", retain_until=day)
    held = file(books, "借款合同.pdf")
    taken_out = export(books)
    hold_file(books, LAWYER, held.id, "(2026)京01民初1号")
    books.commit()

    uses = {use.area: use for use in use_by_area(books, today_in_china())}
    documents = uses["documents"]
    assert (documents.files, documents.held, documents.retained) == (
        2 + (before["documents"].files if "documents" in before else 0), 1,
        1 + (before["documents"].retained if "documents" in before else 0),
    )  # fmt: skip
    assert uses["export"].size == taken_out.size
    today = today_in_china()
    assert [row.id for row in files_kept(books, area="", kept=Kept.HELD, today=today, page=1)] == [held.id]
    retained = files_kept(books, area="documents", kept=Kept.RETAINED, today=today, page=1)
    assert kept.id in [row.id for row in retained]
    assert held.id not in [row.id for row in retained]

    client = enter("shen")
    page = client.get("/kept-files/").get_data(as_text=True)
    for expected in ("保证合同.pdf", "借款合同.pdf", "(2026)京01民初1号", day.isoformat(), "Exports of the audit log"):
        assert expected in page
    held_only = client.get("/kept-files/?kept=held").get_data(as_text=True)
    assert "借款合同.pdf" in held_only
    assert "保证合同.pdf" not in held_only
    assert "No file matches these filters." in client.get("/kept-files/?area=papers").get_data(as_text=True)


def test_a_hold_needs_a_reason_and_keeps_the_file_until_it_is_lifted(
    books: Session, enter: Callable[[str], Client]
) -> None:
    stored = file(books)
    client = enter("admin")
    refused = post(client, f"/kept-files/{stored.id}/hold", reason="  ")
    assert refused.status_code == 422
    assert "Enter the reason" in refused.get_data(as_text=True)
    assert acts(books, stored.id) == []
    post(client, f"/kept-files/{stored.id}/hold", reason="公安调取")
    books.refresh(stored)
    assert stored.legal_hold == "公安调取"
    with pytest.raises(UnderLegalHold):
        objects.delete(books, LAWYER, stored, today=today_in_china(), reason="不需要")
    books.rollback()
    assert "公安调取" in client.get(f"/kept-files/{stored.id}").get_data(as_text=True)

    assert post(client, f"/kept-files/{stored.id}/lift", reason="").status_code == 422
    books.refresh(stored)
    assert stored.legal_hold == "公安调取"
    post(client, f"/kept-files/{stored.id}/lift", reason="结案")
    books.refresh(stored)
    assert stored.legal_hold == ""
    assert acts(books, stored.id) == [("object.held", "公安调取"), ("object.hold_lifted", "结案")]


def test_who_may_look_may_not_hold_and_who_may_hold_may_not_lift(
    books: Session, company: Any, enter: Callable[[str], Client]
) -> None:
    stored = file(books)
    assert enter("xin").get("/kept-files/").status_code in (302, 403)
    auditor = enter("shen")
    post(auditor, f"/kept-files/{stored.id}/hold", reason="审计")
    assert acts(books, stored.id) == []

    grant = """INSERT INTO ab_permission_view_role (id, permission_view_id, role_id)
        SELECT nextval('ab_permission_view_role_id_seq'), pair.id, role.id
        FROM ab_permission_view AS pair JOIN ab_permission AS act ON act.id = pair.permission_id
        JOIN ab_view_menu AS subject ON subject.id = pair.view_menu_id, ab_role AS role
        WHERE act.name = 'can_hold' AND subject.name = 'KeptFiles' AND role.name = 'Auditor'"""
    books.execute(text(grant))
    books.commit()
    post(auditor, f"/kept-files/{stored.id}/hold", reason="审计")
    post(auditor, f"/kept-files/{stored.id}/lift", reason="审计")
    assert acts(books, stored.id) == [("object.held", "审计")]
    assert "Lift the hold" not in auditor.get(f"/kept-files/{stored.id}").get_data(as_text=True)


def test_acts_on_what_is_not_there_change_nothing(
    books: Session, enter: Callable[[str], Client], new_tenant: Callable[..., Any]
) -> None:
    stored = file(books)
    with pytest.raises(NotHeld):
        lift_hold_of(books, LAWYER, stored.id, "结案")
    hold_file(books, LAWYER, stored.id, "调取")
    books.commit()
    with pytest.raises(AlreadyHeld):
        hold_file(books, LAWYER, stored.id, "再次调取")
    with pytest.raises(ReasonNeeded):
        lift_hold_of(books, LAWYER, stored.id, "")
    with pytest.raises(UnknownFile):
        hold_file(books, LAWYER, stored.id + 10_000, "调取")
    books.rollback()
    assert stored.legal_hold == "调取"
    assert acts(books, stored.id) == [("object.held", "调取")]
    assert enter("admin").get(f"/kept-files/{stored.id + 10_000}").status_code == 404
    with bound(new_tenant(name="别的公司")), TenantSession() as foreign, pytest.raises(UnknownFile):
        hold_file(foreign, LAWYER, stored.id, "调取")


def test_exports_pass_after_their_days_unless_they_are_held(company: Any, books: Session) -> None:
    old, fresh, held, kept, contract = export(books), export(books), export(books), export(books), file(books)
    hold_file(books, LAWYER, held.id, "调取")
    objects.retain(books, LAWYER, kept, today_in_china(), "审计要求")
    books.commit()
    aged = [old.id, held.id, kept.id, contract.id]
    _age(company, aged, days=8)
    _age(company, [fresh.id], days=6)

    job = enqueue(books, SWEEP, {})
    books.commit()
    run_job(company.id, job.id)

    books.expire_all()
    gone = {row.id for row in (old, fresh, held, kept, contract) if row.deleted_at is not None}
    assert gone == {old.id}
    assert acts(books, old.id) == [("object.deleted", "保留 7 天")]
    assert expire(books) == 0
    lift_hold_of(books, LAWYER, held.id, "结案")
    books.commit()
    assert expire(books) == 1


def test_an_export_that_has_passed_says_so(
    company: Any, books: Session, enter: Callable[[str], Client], run_jobs: Callable[[], int], monkeypatch: Any
) -> None:
    monkeypatch.setattr("trilend.auditing.views.AT_ONCE", 0)
    client = enter("shen")
    answer = post(client, "/audit/export", form="csv")
    run_jobs()
    page = client.get(answer.location).get_data(as_text=True)
    assert "for 7 days" in page
    assert client.get(f"{answer.location}/file").status_code == 200
    exports = select(StoredObject).where(StoredObject.area == "export").order_by(StoredObject.id.desc())
    stored = books.scalars(exports.limit(1)).one()
    objects.delete(books, SYSTEM, stored, today=today_in_china(), reason="over")
    books.commit()

    gone = client.get(f"{answer.location}/file")
    assert gone.status_code == 404
    assert "kept for 7 days" in gone.get_data(as_text=True)


def _age(company: Any, ids: list[int], *, days: int) -> None:
    """Let files have been stored some days ago; the database refuses that to everybody but its superuser."""
    import os

    import psycopg

    url = os.environ["TRILEND_OWNER_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(url) as owner:
        owner.execute(f"ALTER TABLE {company.schema}.stored_object DISABLE TRIGGER guard_stored_object".encode())
        owner.execute(
            f"UPDATE {company.schema}.stored_object SET created_at = %s WHERE id = ANY(%s)".encode(),
            (now() - timedelta(days=days), ids),
        )
        owner.execute(f"ALTER TABLE {company.schema}.stored_object ENABLE TRIGGER guard_stored_object".encode())
