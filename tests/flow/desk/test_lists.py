"""Lists: filters, sorting, pages, columns, kept filters, export; and what somebody else may not do with them."""

import io
import re
from datetime import timedelta
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from tests.flow.desk.conftest import Desk
from werkzeug.test import Client

from trilend.audit.models import AuditEntry
from trilend.db.base import now
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import enqueue, run_job
from trilend.ledger.listing import JOURNALS
from trilend.lists.export import TIDY
from trilend.lists.grammar import ListOf
from trilend.lists.models import ListChoice, ListExport, SavedFilter
from trilend.lists.query import Query, read_query
from trilend.lists.reading import count, read_page
from trilend.notices.models import Notice
from trilend.parties.listing import CUSTOMERS
from trilend.parties.models import Party
from trilend.payments.listing import RECEIPTS
from trilend.storage.models import StoredObject
from trilend_microfinance.applications.listing import ALL as APPLICATIONS
from trilend_microfinance.servicing.listing import ALL as LOANS

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def post(client: Client, address: str, page: str = "/customers/?all=1", **entered: object) -> object:
    """Send a form of the list's page."""
    token = _TOKEN.search(client.get(page).text)
    assert token is not None
    return client.post(address, data=entered | {"csrf_token": token[1]})


def names(client: Client, address: str) -> list[str]:
    """The customers on a page."""
    return re.findall(r'<a class="strong" href="/customers/\d+">([^<]+)</a>', client.get(address).text)


def ids(session: Session, wanted: ListOf, query: Query, size: int) -> list[list[int]]:
    """The rows of each page from the first to the last, and back again to the first."""
    pages, after, before = [], "", ""
    while True:
        page = read_page(session, wanted, query, after=after, size=size)
        pages.append([wanted.row_id(row) for row in page.rows])
        if not page.after:
            before = page.before
            break
        after = page.after
    back = [pages[-1]]
    while before:
        page = read_page(session, wanted, query, before=before, size=size)
        back.insert(0, [wanted.row_id(row) for row in page.rows])
        before = page.before
    assert back == pages
    return pages


def test_filters_search_and_sorting(browsers: dict[str, Client]) -> None:
    officer = browsers["Officer"]
    assert names(officer, "/customers/?sort=name") == [
        "单雄信",
        "李秀兰",
        "欧阳娜娜",
        "青山机械制造有限公司",
        "王芳",
        "张伟",
    ]
    assert names(officer, "/customers/?sort=-name")[0] == "张伟"
    assert names(officer, "/customers/?kind=organization") == ["青山机械制造有限公司"]
    assert names(officer, "/customers/?q=zw") == ["张伟"]
    assert names(officer, "/customers/?q=zw&kind=organization") == []
    assert len(names(officer, "/customers/?kind=nonsense&sort=nonsense&after=nonsense")) == 6


@pytest.mark.parametrize("sort", ["", "name", "-name", "kind", "created", "-created"])
@pytest.mark.parametrize("size", [1, 2, 4, 6])
def test_every_row_is_on_one_page_forth_and_back(at_desk: Session, sort: str, size: int) -> None:
    pages = ids(at_desk, CUSTOMERS, Query(sort=sort), size)
    rows = [row for page in pages for row in page]
    assert len(rows) == len(set(rows)) == 6
    assert {len(page) for page in pages[:-1]} <= {size}


def test_every_column_of_every_list_sorts_and_every_filter_filters(at_desk: Session, application: object) -> None:
    for wanted in (CUSTOMERS, APPLICATIONS, LOANS, RECEIPTS, JOURNALS):
        for column in (each for each in wanted.columns if each.sort is not None):
            ids(at_desk, wanted, Query(sort=f"-{column.key}"), 2)
        for each in wanted.filters:
            values = {"days": "2026-03-02", "amounts": "10000", "flag": "yes", "choice": ""}
            value = values[each.kind] or next((str(code) for code, _ in each.choices()), "")
            query = read_query(wanted, dict.fromkeys(each.arguments, value))
            assert count(at_desk, wanted, query) == sum(map(len, ids(at_desk, wanted, query, 3))), each.key


def test_ranges_take_their_ends_in(at_desk: Session) -> None:
    query = read_query(APPLICATIONS, {"amount_from": "20000", "amount_to": "30000", "applied_from": "2026-02-30"})
    assert query.given == {"amount_from": "20000", "amount_to": "30000"}
    rows = read_page(at_desk, APPLICATIONS, query, size=50).rows
    assert [row.amount for row in rows] == [Decimal(30000), Decimal(20000)]
    assert count(at_desk, APPLICATIONS, query) == 2


def test_a_scope_on_the_session_narrows_rows_and_count(at_desk: Session, desk: Desk) -> None:
    def scoped(state: ORMExecuteState) -> None:
        if state.is_select:
            state.statement = state.statement.options(with_loader_criteria(Party, Party.name != "张伟"))

    event.listen(at_desk, "do_orm_execute", scoped)
    try:
        assert count(at_desk, CUSTOMERS, Query()) == 5
        assert len(read_page(at_desk, CUSTOMERS, Query(), size=50).rows) == 5
        assert count(at_desk, CUSTOMERS, Query(search="zw")) == 0
    finally:
        event.remove(at_desk, "do_orm_execute", scoped)


def test_columns_are_ones_own(browsers: dict[str, Client], at_desk: Session, desk: Desk) -> None:
    assert (
        "Legal representative"
        not in browsers["Officer"].get("/customers/?all=1").text.split("<tbody>")[0].split("<thead>")[1]
    )
    answer = post(browsers["Officer"], "/lists/customers/columns", column=["legal", "name", "nonsense"])
    assert answer.status_code == 303
    head = re.search(r"<thead>.*?</thead>", browsers["Officer"].get("/customers/?all=1").text, re.S)[0]
    assert "Legal representative" in head
    assert "Mobile" not in head
    assert "Mobile" in re.search(r"<thead>.*?</thead>", browsers["Approver"].get("/customers/").text, re.S)[0]
    post(browsers["Officer"], "/lists/customers/columns")
    at_desk.rollback()
    assert at_desk.get(ListChoice, (desk.people["Officer"].user_id, "customers")).columns is None


def test_a_filter_is_kept_opens_the_list_and_is_nobody_elses(browsers: dict[str, Client], at_desk: Session) -> None:
    officer, approver = browsers["Officer"], browsers["Approver"]
    post(officer, "/lists/customers/filters", name=" 企业 ", kind="organization", first="1")
    opened = officer.get("/customers/")
    assert opened.status_code == 302
    assert "kind=organization" in opened.headers["Location"]
    assert len(names(officer, "/customers/?all=1")) == 6
    assert "企业" not in approver.get("/customers/").text
    assert approver.get("/customers/").status_code == 200
    at_desk.rollback()
    kept = at_desk.scalars(select(SavedFilter).where(SavedFilter.name == "企业")).one()
    assert post(approver, f"/lists/customers/filters/{kept.id}/delete").status_code == 404
    at_desk.rollback()
    assert at_desk.get(SavedFilter, kept.id) is not None
    post(officer, f"/lists/customers/filters/{kept.id}/first", page="/customers/?all=1")
    assert post(officer, f"/lists/customers/filters/{kept.id}/delete").status_code == 303
    at_desk.rollback()
    assert at_desk.scalar(select(func.count()).select_from(SavedFilter).where(SavedFilter.name == "企业")) == 0
    assert officer.get("/customers/").status_code == 200


def test_filters_for_all_need_the_permission_to_share(browsers: dict[str, Client], at_desk: Session) -> None:
    assert (
        post(browsers["Officer"], "/lists/customers/filters/share", name="全部企业", kind="organization").status_code
        != 303
    )
    at_desk.rollback()
    assert at_desk.scalar(select(func.count()).select_from(SavedFilter).where(SavedFilter.name == "全部企业")) == 0
    assert (
        post(browsers["Approver"], "/lists/customers/filters/share", name="全部企业", kind="organization").status_code
        == 303
    )
    assert "全部企业" in browsers["Officer"].get("/customers/?all=1").text
    at_desk.rollback()
    assert at_desk.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.act == "filter.shared")) == 1


def test_a_list_that_one_may_not_see_cannot_be_touched(browsers: dict[str, Client], at_desk: Session) -> None:
    before = at_desk.scalar(select(func.count()).select_from(ListExport))
    for address in ("/lists/applications/columns", "/lists/applications/filters", "/lists/applications/export"):
        assert post(browsers["Cashier"], address, name="x", column="number").status_code in (303, 404)
    at_desk.rollback()
    assert at_desk.scalar(select(func.count()).select_from(ListExport)) == before
    assert (
        at_desk.scalar(select(func.count()).select_from(ListChoice).where(ListChoice.list_name == "applications")) == 0
    )


def exported(session: Session, desk: Desk, client: Client, name: str, page: str, **query: str) -> ListExport:
    """An export of a list, made."""
    answer = post(client, f"/lists/{name}/export", page=page, **query)
    assert answer.status_code == 303, answer.text
    session.rollback()
    made = session.scalars(select(ListExport).order_by(ListExport.id.desc()).limit(1)).one()
    assert run_job(desk.tenant.id, made.job_id)
    session.rollback()
    session.expire_all()
    return made


def test_an_export_is_what_the_page_shows_for_its_person_alone(
    browsers: dict[str, Client], at_desk: Session, desk: Desk
) -> None:
    officer = browsers["Officer"]
    made = exported(at_desk, desk, officer, "customers", "/customers/?all=1", kind="person", sort="name")
    assert made.rows == 5
    state = officer.get(f"/lists/exports/{made.id}", headers={"HX-Request": "true"}).text
    assert "hx-get" not in state
    answer = officer.get(f"/lists/exports/{made.id}/file")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    rows = list(sheet.iter_rows(values_only=True))
    assert [row[0] for row in rows[1:]] == ["单雄信", "李秀兰", "欧阳娜娜", "王芳", "张伟"]
    text = " ".join(str(cell) for row in rows for cell in row)
    assert "138****5000" in text
    for secret in (*desk.mobiles.values(), *desk.identifiers.values()):
        assert secret not in text
    for stranger in (browsers["Approver"], browsers["Cashier"]):
        assert stranger.get(f"/lists/exports/{made.id}/file").status_code == 404
        assert stranger.get(f"/lists/exports/{made.id}").status_code == 404
    told = at_desk.scalars(
        select(Notice).where(Notice.sort == "export_ready", Notice.url == f"/lists/exports/{made.id}")
    ).one()
    assert told.user_id == desk.people["Officer"].user_id
    logged = select(AuditEntry).where(AuditEntry.act == "list.exported", AuditEntry.subject_id == made.id)
    assert at_desk.scalars(logged).one().details == {"list": "customers", "query": "kind=person&sort=name"}


def test_what_looks_like_a_formula_stays_a_text(browsers: dict[str, Client], at_desk: Session, desk: Desk) -> None:
    evil = '=HYPERLINK("http://x","张伟")'
    party = desk.customers["欧阳娜娜"]
    at_desk.execute(update(Party).where(Party.id == party).values(name=evil))
    at_desk.commit()
    try:
        made = exported(at_desk, desk, browsers["Officer"], "customers", "/customers/?all=1", sort="name")
        data = browsers["Officer"].get(f"/lists/exports/{made.id}/file").data
    finally:
        at_desk.execute(update(Party).where(Party.id == party).values(name="欧阳娜娜"))
        at_desk.commit()
    cells = [row[0] for row in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows(min_row=2)]
    cell = next(cell for cell in cells if cell.value == evil)
    assert cell.data_type == "s"
    assert cell.quotePrefix


def test_who_may_not_export_by_the_time_gets_nothing(browsers: dict[str, Client], at_desk: Session, desk: Desk) -> None:
    answer = post(browsers["Officer"], "/lists/customers/export", kind="person")
    assert answer.status_code == 303
    at_desk.rollback()
    made = at_desk.scalars(select(ListExport).order_by(ListExport.id.desc()).limit(1)).one()
    from flask_appbuilder.security.sqla.models import User

    at_desk.execute(update(User).where(User.id == made.user_id).values(active=False))
    at_desk.commit()
    try:
        run_job(desk.tenant.id, made.job_id)
    finally:
        at_desk.rollback()
        at_desk.execute(update(User).where(User.id == made.user_id).values(active=True))
        at_desk.commit()
    at_desk.expire_all()
    assert at_desk.get(Job, made.job_id).state == JobState.FAILED
    assert at_desk.get(ListExport, made.id).object_key == ""


def test_an_export_is_deleted_when_its_time_is_over(browsers: dict[str, Client], at_desk: Session, desk: Desk) -> None:
    made = exported(at_desk, desk, browsers["Officer"], "customers", "/customers/?all=1")
    key = made.object_key
    at_desk.execute(update(ListExport).where(ListExport.id == made.id).values(expires_at=now() - timedelta(minutes=1)))
    at_desk.commit()
    assert browsers["Officer"].get(f"/lists/exports/{made.id}/file").status_code == 404
    job = enqueue(at_desk, TIDY, {})
    at_desk.commit()
    run_job(desk.tenant.id, job.id)
    at_desk.rollback()
    at_desk.expire_all()
    assert at_desk.scalars(select(StoredObject.deleted_at).where(StoredObject.key == key)).one() is not None
    assert at_desk.get(ListExport, made.id).object_key == ""
