"""Auditors read the log page by page, look at one line, have it checked, and take it out."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.conftest import PASSWORD
from tests.flow.auditing.conftest import Attack, write
from werkzeug.test import Client

import trilend
from trilend.audit.models import AuditEntry, AuditLink
from trilend.audit.service import Actor, record
from trilend.auditing.listing import Cursor, Filters, choices, page_of
from trilend.identity.service import add_person
from trilend.jobs.service import enqueue, run_job

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
SCRIPT = Path(trilend.__file__).parents[2] / "docs" / "user" / "verify_audit_export.py"


@pytest.fixture
def enter(browse: Callable[[str], Client], tenant: Any, session: Session) -> Callable[[str], Client]:
    """Signs somebody with a role in."""

    def sign_in(role: str) -> Client:
        name = f"{role.lower()}-1"
        add_person(session, username=name, name=name, email=f"{name}@example.com", password=PASSWORD, roles=[role])
        session.commit()
        client = browse(f"{tenant.slug}.localhost")
        token = _TOKEN.search(client.get("/login/").get_data(as_text=True))
        assert token
        client.post("/login/", data={"csrf_token": token[1], "username": name, "password": PASSWORD})
        return client

    return sign_in


def post(client: Client, path: str, **data: str) -> Any:
    token = _TOKEN.search(client.get("/audit/").get_data(as_text=True))
    assert token
    return client.post(path, data={"csrf_token": token[1]} | data)


def acts_of(session: Session, filters: Filters, cursor: Cursor | None = None, size: int = 3) -> tuple[list[str], Any]:
    found = page_of(session, filters, cursor, size)
    return [entry.act for entry, _ in found.lines], found


def test_pages_go_back_and_forth_by_key(session: Session) -> None:
    write(session, *(f"act.{number}" for number in range(1, 9)))

    acts, first = acts_of(session, Filters())
    assert (acts, first.newer) == (["act.8", "act.7", "act.6"], None)
    acts, second = acts_of(session, Filters(), Cursor.read(str(first.older)))
    assert acts == ["act.5", "act.4", "act.3"]
    acts, third = acts_of(session, Filters(), Cursor.read(str(second.older)))
    assert (acts, third.older) == (["act.2", "act.1"], None)
    acts, back = acts_of(session, Filters(), Cursor.read(str(third.newer)))
    assert acts == ["act.5", "act.4", "act.3"]
    acts, start = acts_of(session, Filters(), Cursor.read(str(back.newer)))
    assert (acts, start.newer) == (["act.8", "act.7", "act.6"], None)


@pytest.mark.parametrize(
    "given", ["", "x", "1.2", "1.2.3.4.5", "-1.0.1", "99999999999999999.0.1", "1.9999999.1", "١.0.1"]
)
def test_an_address_that_was_tampered_with_names_no_place(given: str) -> None:
    assert Cursor.read(given) is None


def test_filters_find_by_person_act_subject_and_day(session: Session) -> None:
    record(session, Actor("甲"), "a", "party", 1)
    record(session, Actor("乙"), "b", "loan", 1)
    record(session, Actor("乙"), "a", "loan", 2)
    session.commit()
    today = session.scalars(select(AuditEntry.created_at)).first().astimezone().date()  # type: ignore[union-attr]

    assert acts_of(session, Filters(actor="乙"))[0] == ["a", "b"]
    assert acts_of(session, Filters(actor="乙", act="a"))[0] == ["a"]
    assert acts_of(session, Filters(subject_type="loan", subject_id=1))[0] == ["b"]
    assert acts_of(session, Filters(until=today - timedelta(days=2)))[0] == []
    assert acts_of(session, Filters(since=today - timedelta(days=2), until=today + timedelta(days=2)))[0] == [
        "a",
        "b",
        "a",
    ]
    assert choices(session, "actor") == ["乙", "甲"]
    assert choices(session, "act") == ["a", "b"]


def test_an_auditor_reads_and_an_officer_may_not(session: Session, enter: Callable[[str], Client]) -> None:
    write(session, "party.added")
    line = session.scalars(select(AuditEntry)).one()
    auditor, officer = enter("Auditor"), enter("Officer")

    for path in ("/audit/", f"/audit/{line.id}", "/audit/anchors"):
        assert auditor.get(path).status_code == 200
        refused = officer.get(path, follow_redirects=True).get_data(as_text=True)
        assert "原因" not in refused
    assert "原因" in auditor.get(f"/audit/{line.id}").get_data(as_text=True)
    assert auditor.get("/audit/999999").status_code == 404


def test_what_changed_stands_side_by_side(session: Session, enter: Callable[[str], Client]) -> None:
    record(
        session,
        Actor("陈静", 3),
        "product.added",
        "product",
        1,
        changes={"active": [True, False], "name": [None, "惠农贷"]},
    )
    session.commit()
    line = session.scalars(select(AuditEntry)).one()
    page = enter("Auditor").get(f"/audit/{line.id}").get_data(as_text=True)

    cells = re.findall(r"<td[^>]*>(.*?)</td>", page)
    assert cells == ["启用", "是", "否", "名称", "—", "惠农贷"]
    assert session.scalars(select(AuditLink.hash)).one().hex() in page


def test_the_whole_log_is_checked_at_a_press(
    session: Session, enter: Callable[[str], Client], run_jobs: Callable[[], int], attack: Attack
) -> None:
    write(session, "one", "two", "three")
    client = enter("Auditor")
    answer = post(client, "/audit/check")
    run_jobs()
    assert "没有发现问题" in client.get(answer.location).get_data(as_text=True)

    attack("UPDATE audit_entry SET act = 'x' WHERE act = 'two'")
    answer = post(client, "/audit/check")
    run_jobs()
    assert "第 2 号" in client.get(answer.location).get_data(as_text=True)
    assert "日志与写入时不符" in client.get("/audit/").get_data(as_text=True)


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_outsider_verifies_what_was_taken_out(
    session: Session, tenant: Any, enter: Callable[[str], Client], tmp_path: Path, form: str
) -> None:
    record(session, Actor("=1+1"), "party.added", "party", 1, reason="第一行\n“引号”, 逗号", name="李秀兰")
    session.commit()
    write(session, "two", "three")
    client = enter("Auditor")
    job = enqueue(session, "auditing.anchor", {}).id
    session.commit()
    run_job(tenant.id, job)
    file, anchors = tmp_path / f"audit.{form}", tmp_path / "anchors.json"
    file.write_bytes(post(client, "/audit/export", form=form).get_data())
    anchors.write_bytes(client.get("/audit/anchors.json").get_data())

    assert verified(file, anchors) == (0, "3 lines and 1 signed ends are as they were written.\n")

    genuine = file.read_text(encoding="utf-8")
    file.write_text(genuine.replace("第一行", "第二行"), encoding="utf-8")
    code, answer = verified(file, anchors)
    assert (code, answer.splitlines()[0]) == (1, "no. 1: its content and the hash before it do not give its hash")
    file.write_text(
        "".join(line for line in genuine.splitlines(keepends=True) if "three" not in line), encoding="utf-8"
    )
    assert verified(file, anchors)[0] == 0
    held = json.loads(anchors.read_text(encoding="utf-8"))
    anchors.write_text(json.dumps([held[0] | {"number": 2}]), encoding="utf-8")
    assert verified(file, anchors)[0] == 1


def verified(file: Path, anchors: Path) -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, str(SCRIPT), str(file), str(anchors)], capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout


def test_an_export_is_filtered_and_logged(session: Session, enter: Callable[[str], Client]) -> None:
    write(session, "one", "two", "two")
    client = enter("Auditor")
    content = post(client, "/audit/export", form="csv", act="two").get_data().decode("utf-8-sig")

    assert [row["number"] for row in csv.DictReader(io.StringIO(content))] == ["2", "3"]
    session.expire_all()
    logged = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert logged is not None
    assert (logged.act, logged.actor) == ("audit.exported", "auditor-1")
    assert logged.details == {"form": "csv", "rows": 2, "filters": {"act": "two"}}


def test_a_workbook_runs_no_formula(session: Session, enter: Callable[[str], Client]) -> None:
    record(session, Actor("甲"), "a", "party", 1, reason="=HYPERLINK(1)")
    session.commit()
    content = post(enter("Auditor"), "/audit/export", form="xlsx").get_data()

    rows = list(load_workbook(io.BytesIO(content)).active.iter_rows())  # type: ignore[union-attr]
    cell = rows[1][7]
    assert (cell.value, cell.data_type) == ("=HYPERLINK(1)", "s")
    assert len(rows[1][11].value) == 64


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx"])
def test_a_large_export_is_made_in_the_background(
    session: Session,
    enter: Callable[[str], Client],
    run_jobs: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    form: str,
) -> None:
    monkeypatch.setattr("trilend.auditing.views.AT_ONCE", 5)
    monkeypatch.setattr("trilend.auditing.jobs.PORTION", 3)
    write(session, *(f"act.{number}" for number in range(40)))
    client = enter("Auditor")
    answer = post(client, "/audit/export", form=form)
    assert answer.status_code == 302
    assert client.get(f"{answer.location}/file").status_code == 404
    run_jobs()
    assert "共 40 行" in client.get(answer.location).get_data(as_text=True)
    content = client.get(f"{answer.location}/file").get_data()

    if form == "xlsx":
        assert load_workbook(io.BytesIO(content)).active.max_row == 41  # type: ignore[union-attr]
        return
    file, anchors = tmp_path / f"audit.{form}", tmp_path / "anchors.json"
    file.write_bytes(content)
    anchors.write_text("[]")
    assert verified(file, anchors) == (0, "40 lines and 0 signed ends are as they were written.\n")


def test_an_export_of_another_company_is_not_there(
    session: Session, enter: Callable[[str], Client], new_tenant: Callable[..., Any]
) -> None:
    other = new_tenant(name="别的公司")
    from trilend.tenancy.context import TenantSession, bound

    with bound(other), TenantSession() as theirs:
        for _ in range(20):
            job = enqueue(theirs, "auditing.check", {}).id
        theirs.commit()
    assert enter("Auditor").get(f"/audit/work/{job}").status_code == 404
