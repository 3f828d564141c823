"""From trial to verified: the company sends papers, operators compare and decide, and then real money may move."""

import io
import os
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text
from tests.conftest import PASSWORD
from tests.numbers import new_resident_id
from werkzeug.test import Client

from trilend.audit.models import AuditEntry
from trilend.company.models import CompanyPaper, PaperIndex, PaperState
from trilend.company.papers import today_in_china
from trilend.company.watch import WATCH_PAPERS
from trilend.console.service import add_operator
from trilend.jobs.service import enqueue
from trilend.messages.models import OutboxMessage
from trilend.storage.stores.interface import open_store
from trilend.tenancy.context import RegistrySession, bound, tenant_session
from trilend.tenancy.lifecycle.service import events_of
from trilend.tenancy.models import Door, Tenant, TenantState
from trilend.tenancy.plans.models import Plan
from trilend.tenancy.service import forget_tenants

PDF = b"%PDF-1.7\n% a licence\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
YEARS = {"business_licence": 20, "operating_permit": 3, "legal_representative_id": 10}
KINDS = ("business_licence", "operating_permit", "legal_representative_id", "authorisation_letter")


def token_on(page: str) -> str:
    found = re.search(r'name="csrf(?:-|_)token"[^>]*(?:value|content)="([^"]+)"', page)
    assert found
    return found[1]


@pytest.fixture
def admin(browse: Callable[[str], Client], tenant: Any) -> Client:
    client = browse(f"{tenant.slug}.localhost")
    form = token_on(client.get("/login/?lang=en").get_data(as_text=True))
    client.post("/login/", data={"csrf_token": form, "username": "admin", "password": PASSWORD})
    return client


@pytest.fixture
def console(browse: Callable[[str], Client]) -> Callable[[str], Client]:
    def sign_in(username: str) -> Client:
        with RegistrySession() as registry:
            add_operator(registry, username=username, name=f"审核员{username}", password=PASSWORD)
            registry.commit()
        client = browse("console.localhost")
        form = token_on(client.get("/login?lang=en").get_data(as_text=True))
        answer = client.post("/login", data={"csrf_token": form, "username": username, "password": PASSWORD})
        assert answer.status_code == 302
        client.get("/language?to=en")
        return client

    return sign_in


def send(client: Client, tenant: Any, kind: str, **changed: Any) -> Any:
    today = today_in_china()
    number = {"business_licence": tenant.uscc, "legal_representative_id": new_resident_id()}.get(kind, "川金 2026-07")
    content = changed.pop("content", PDF)
    form = {
        "csrf_token": token_on(client.get(f"/company/papers/{kind}").get_data(as_text=True)),
        "holder": tenant.name if kind in ("business_licence", "operating_permit") else "赵青山",
        "number": number,
        "valid_from": (today - timedelta(days=100)).isoformat(),
        "valid_until": (today + timedelta(days=365 * YEARS.get(kind, 1))).isoformat(),
        "file": (io.BytesIO(content), "paper.pdf"),
    } | changed
    return client.post(f"/company/papers/{kind}", data=form, content_type="multipart/form-data")


def act(client: Client, path: str, **form: str) -> Any:
    page = client.get(re.sub(r"/(move|plan)$|/papers/[a-z_]+/\d+/\w+$", "", path)).get_data(as_text=True)
    return client.post(path, data={"csrf_token": token_on(page)} | form)


def paper(tenant: Any, kind: str) -> CompanyPaper:
    with bound(tenant):
        newest = select(CompanyPaper).where(CompanyPaper.kind == kind).order_by(CompanyPaper.id.desc())
        found = tenant_session.scalars(newest).first()
        assert found
        tenant_session.expunge(found)
        return found


def decide(client: Client, tenant: Any, kind: str, outcome: str, **form: str) -> Any:
    number = paper(tenant, kind).id
    return act(client, f"/companies/{tenant.id}/papers/{kind}/{number}/{outcome}", **form)


def state(tenant: Any) -> str:
    with RegistrySession() as registry:
        return str(registry.get_one(Tenant, tenant.id).state)


def mails(tenant: Any) -> list[str]:
    with RegistrySession() as registry:
        found = registry.scalars(
            select(OutboxMessage.body)
            .where(OutboxMessage.subject.startswith(tenant.name), OutboxMessage.body.contains(tenant.slug))
            .order_by(OutboxMessage.id)
        )
        return list(found)


@pytest.fixture
def li_and_wu(console: Callable[[str], Client]) -> tuple[Client, Client]:
    return console("li"), console("wu")


def test_a_company_becomes_verified_by_its_papers_and_two_people(
    admin: Client, tenant: Any, li_and_wu: tuple[Client, Client]
) -> None:
    li, wu = li_and_wu
    for kind in KINDS:
        assert send(admin, tenant, kind).status_code == 302
    page = li.get("/?attention=papers").get_data(as_text=True)
    assert tenant.id in page

    early = act(wu, f"/companies/{tenant.id}/move", move="verify")
    assert (early.status_code, state(tenant)) == (409, "trial")
    for kind in KINDS:
        shown = li.get(f"/companies/{tenant.id}/papers/{kind}").get_data(as_text=True)
        assert ("Same" in shown) == (kind in ("business_licence", "operating_permit"))
        assert decide(li, tenant, kind, "accept").status_code == 303

    alone = act(li, f"/companies/{tenant.id}/move", move="verify")
    assert (alone.status_code, state(tenant)) == (409, "trial")
    assert "another" in alone.get_data(as_text=True).lower()
    assert act(wu, f"/companies/{tenant.id}/move", move="verify").status_code == 303
    assert state(tenant) == "verified"
    with RegistrySession() as registry:
        newest = events_of(registry, tenant.id)[0]
        assert (newest.act, newest.operator) == ("verify", "审核员wu")
    history = admin.get("/company/").get_data(as_text=True)
    assert "Company verified" in history


def test_every_look_of_an_operator_is_in_the_companys_own_log(
    admin: Client, tenant: Any, console: Callable[[str], Client]
) -> None:
    send(admin, tenant, "business_licence")
    li = console("li")
    li.get(f"/companies/{tenant.id}")
    with bound(tenant):
        assert tenant_session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all() == [
            "company.paper_submitted"
        ]
    li.get(f"/companies/{tenant.id}/papers/business_licence")
    number = paper(tenant, "business_licence").id
    content = li.get(f"/companies/{tenant.id}/papers/file/{number}")

    assert (content.data, content.content_type) == (PDF, "application/pdf")
    assert "frame-ancestors 'self'" in content.headers["Content-Security-Policy"]
    with bound(tenant):
        rows = tenant_session.execute(select(AuditEntry.actor, AuditEntry.act).order_by(AuditEntry.id)).all()
    assert [tuple(row) for row in rows[1:]] == [(rows[1].actor, "company.paper_inspected")] * 2
    assert "审核员li" in rows[1].actor


def test_what_stands_on_a_paper_and_its_file_are_sealed(admin: Client, tenant: Any, postgres: Any) -> None:
    number = new_resident_id()
    send(admin, tenant, "legal_representative_id", number=number)
    kept = paper(tenant, "legal_representative_id")
    with bound(tenant):
        raw = tenant_session.execute(text("SELECT facts, object_key FROM company_paper")).one()
    assert number.encode() not in bytes(raw.facts)
    assert "赵青山".encode() not in bytes(raw.facts)
    store = open_store(os.environ["TRILEND_STORAGE_URL"])
    assert PDF not in b"".join(store.read(f"{tenant.id}/{raw.object_key}") or [PDF])
    assert kept.facts["number"] == number


def test_a_paper_that_is_sent_back_tells_why_and_can_be_sent_again(
    admin: Client, tenant: Any, console: Callable[[str], Client], run_jobs: Callable[[], int]
) -> None:
    li = console("li")
    send(admin, tenant, "operating_permit")
    assert decide(li, tenant, "operating_permit", "reject", reason=" ").status_code == 422
    assert paper(tenant, "operating_permit").state == PaperState.SUBMITTED
    assert decide(li, tenant, "operating_permit", "reject", reason="许可证第二页缺失").status_code == 303
    run_jobs()

    assert "许可证第二页缺失" in admin.get("/company/").get_data(as_text=True)
    assert [body for body in mails(tenant) if "许可证第二页缺失" in body]
    again = decide(li, tenant, "operating_permit", "accept")
    assert again.status_code == 409
    assert paper(tenant, "operating_permit").state == PaperState.REJECTED
    assert send(admin, tenant, "operating_permit").status_code == 302
    assert decide(li, tenant, "operating_permit", "accept").status_code == 303


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("business_licence", {"content": b"MZ\x90\0 a program"}),
    ("business_licence", {"content": b""}),
    ("business_licence", {"content": b"%PDF-" + b"0" * (10 * 1024 * 1024)}),
    ("business_licence", {"number": "91110105MA01A1B23X"}),
    ("business_licence", {"holder": " "}),
    ("operating_permit", {"valid_until": "2020-01-01"}),
    ("operating_permit", {"valid_from": "2099-01-01"}),
    ("legal_representative_id", {"number": "110105194912310021"}),
]


@pytest.mark.parametrize(("kind", "changed"), WRONG)
def test_what_is_no_such_paper_is_refused_and_what_was_entered_stays(
    admin: Client, tenant: Any, kind: str, changed: dict[str, Any]
) -> None:
    answer = send(admin, tenant, kind, **changed)
    answer.request.environ["wsgi.input"].close()

    assert answer.status_code == 422
    page = answer.get_data(as_text=True)
    assert changed.get("holder", tenant.name if kind != "legal_representative_id" else "赵青山") in page
    with bound(tenant):
        assert tenant_session.scalar(select(func.count()).select_from(CompanyPaper)) == 0


def test_a_differing_name_or_number_is_shown_as_such(
    admin: Client, tenant: Any, console: Callable[[str], Client]
) -> None:
    send(admin, tenant, "business_licence", holder="别家小额贷款有限公司")
    page = console("li").get(f"/companies/{tenant.id}/papers/business_licence").get_data(as_text=True)
    assert page.count("Differs") == 1
    assert "别家小额贷款有限公司" in page


def test_a_renewal_leaves_the_old_paper_in_force_until_it_is_accepted(
    admin: Client, tenant: Any, console: Callable[[str], Client]
) -> None:
    li = console("li")
    send(admin, tenant, "operating_permit")
    decide(li, tenant, "operating_permit", "accept")
    first = paper(tenant, "operating_permit").id
    send(admin, tenant, "operating_permit", content=PNG)

    def states() -> dict[int, str]:
        with bound(tenant):
            return {row.id: str(row.state) for row in tenant_session.scalars(select(CompanyPaper))}

    assert states() == {first: "accepted", first + 1: "submitted"}
    decide(li, tenant, "operating_permit", "accept")
    assert states() == {first: "replaced", first + 1: "accepted"}


def test_a_permit_that_runs_out_is_listed_and_reminded_of_once(
    admin: Client, tenant: Any, console: Callable[[str], Client], run_jobs: Callable[[], int]
) -> None:
    li = console("li")
    end = today_in_china() + timedelta(days=25)
    send(admin, tenant, "operating_permit", valid_until=end.isoformat())
    decide(li, tenant, "operating_permit", "accept")
    assert tenant.id in li.get("/?attention=expiring").get_data(as_text=True)
    assert "Runs out soon" in admin.get("/company/").get_data(as_text=True)

    for _ in range(2):
        with RegistrySession() as registry:
            enqueue(registry, WATCH_PAPERS, {})
            registry.commit()
        run_jobs()

    reminders = [body for body in mails(tenant) if end.isoformat() in body]
    assert len(reminders) == 1
    with RegistrySession() as registry:
        assert registry.get_one(PaperIndex, (tenant.id, "operating_permit")).reminded_days == 30
    longer = date.fromisoformat(end.isoformat()) + timedelta(days=700)
    send(admin, tenant, "operating_permit", valid_until=longer.isoformat())
    decide(li, tenant, "operating_permit", "accept")
    assert tenant.id not in li.get("/?attention=expiring").get_data(as_text=True)
    with RegistrySession() as registry:
        assert registry.get_one(PaperIndex, (tenant.id, "operating_permit")).reminded_days is None


def test_a_suspended_company_can_still_send_the_paper_it_lacks(
    admin: Client, tenant: Any, console: Callable[[str], Client], run_jobs: Callable[[], int]
) -> None:
    li = console("li")
    act(li, f"/companies/{tenant.id}/move", move="suspend_reading", reason="许可证已过期")
    assert "许可证已过期" in admin.get("/company/").get_data(as_text=True)
    run_jobs()
    assert [body for body in mails(tenant) if "许可证已过期" in body]
    assert send(admin, tenant, "operating_permit").status_code == 302
    assert decide(li, tenant, "operating_permit", "accept").status_code == 303
    assert act(li, f"/companies/{tenant.id}/move", move="resume", reason="新证已核").status_code == 303
    assert state(tenant) == "trial"


def test_a_shut_companys_people_read_nothing_but_operators_still_manage_it(
    admin: Client, tenant: Any, console: Callable[[str], Client]
) -> None:
    li = console("li")
    assert act(li, f"/companies/{tenant.id}/move", move="suspend_shut", reason="核查").status_code == 303
    assert admin.get("/company/").status_code == 403
    assert li.get(f"/companies/{tenant.id}").status_code == 200
    assert act(li, f"/companies/{tenant.id}/move", move="suspend_shut").status_code == 422
    assert act(li, f"/companies/{tenant.id}/move", move="close", reason="x").status_code == 422
    with RegistrySession() as registry:
        found = registry.get_one(Tenant, tenant.id)
        assert (found.state, found.suspension) == (TenantState.SUSPENDED, Door.SHUT)


def test_a_faulty_company_has_a_page_in_the_console(tenant: Any, console: Callable[[str], Client]) -> None:
    with RegistrySession() as registry:
        registry.get_one(Tenant, tenant.id).fault = "differs: missing: index loan_number"
        registry.commit()
    forget_tenants()
    li = console("li")
    page = li.get(f"/companies/{tenant.id}").get_data(as_text=True)
    assert "index loan_number" in page
    assert tenant.id in li.get("/?attention=fault").get_data(as_text=True)


def test_the_pages_of_operators_are_for_operators(browse: Callable[[str], Client], tenant: Any) -> None:
    client = browse("console.localhost")
    for path in (f"/companies/{tenant.id}", f"/companies/{tenant.id}/papers/business_licence", "/plans"):
        assert client.get(path).status_code == 302
    assert browse(f"{tenant.slug}.localhost").get(f"/companies/{tenant.id}").status_code == 404
    client.post(f"/companies/{tenant.id}/move", data={"move": "suspend_shut", "reason": "x"})
    assert state(tenant) == "trial"


def test_operators_find_companies_by_what_they_look_for(
    new_tenant: Callable[..., Any], console: Callable[[str], Client]
) -> None:
    first, second = new_tenant(name="寻常小额贷款有限公司"), new_tenant("broker", name="寻常信息咨询有限公司")
    li = console("li")

    def found(query: str) -> tuple[set[str], str]:
        page = li.get(f"/?{query}").get_data(as_text=True)
        total = re.search(r"pager-total\">(\d+) record", page)
        return {each.id for each in (first, second) if each.id in page}, total[1] if total else "0"

    assert found("q=寻常") == ({first.id, second.id}, "2")
    assert found("q=寻常&kind=broker") == ({second.id}, "1")
    assert found(f"q={first.uscc.lower()}") == ({first.id}, "1")
    assert found("q=寻常&state=verified") == (set(), "0")
    with RegistrySession() as registry:
        everybody = registry.scalar(select(func.count()).select_from(Tenant))
    assert found("")[1] == str(everybody)


def test_a_plan_is_edited_in_the_console_and_a_wrong_figure_changes_nothing(console: Callable[[str], Client]) -> None:
    li = console("li")
    form = {"csrf_token": token_on(li.get("/plans").get_data(as_text=True)), "name": "vip", "label": "尊享"}
    wrong = li.post("/plans", data=form | {"people": "many"})
    assert wrong.status_code == 422
    assert 'name="label"' in wrong.get_data(as_text=True)
    with RegistrySession() as registry:
        assert registry.get(Plan, "vip") is None
    figures = {"people": "1,200", "storage": "3", "calls_per_day": ""}
    assert li.post("/plans", data=form | figures).status_code == 303
    with RegistrySession() as registry:
        plan = registry.get_one(Plan, "vip")
        assert (plan.people, plan.storage_bytes, plan.calls_per_day) == (1200, 3 * 2**30, None)
        registry.delete(plan)
        registry.commit()
