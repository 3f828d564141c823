"""The search box finds by name, pinyin and number what the person may see, and tells nothing else."""

import pytest
from sqlalchemy import delete, event, func, select
from sqlalchemy.orm import ORMExecuteState, Session, with_loader_criteria
from tests.flow.desk.conftest import NAMES, Desk
from werkzeug.test import Client

from trilend.parties.finding import PARTIES
from trilend.parties.models import Party
from trilend.search.filling import fill
from trilend.search.models import SearchEntry
from trilend.search.service import search, sources
from trilend.search.words import words_of_name, words_of_number


def titles(session: Session, entered: str) -> list[str]:
    """The customers that are found."""
    return [hit.title for hit in search(session, entered, [PARTIES]).get(PARTIES, [])]


@pytest.fixture
def in_request(desk: Desk, application: object) -> object:
    """A request, without which no link can be made."""
    from trilend.app import create_tenant_app

    with create_tenant_app().test_request_context(base_url=f"http://{desk.tenant.slug}.localhost:8000"):
        yield


@pytest.mark.parametrize(
    ("entered", "found"),
    [
        ("张伟", ["张伟"]),
        ("秀兰", ["李秀兰"]),
        ("zhangwei", ["张伟"]),
        ("ZhangW", ["张伟"]),
        ("zw", ["张伟"]),
        ("shanxiong", ["单雄信"]),
        ("danxiong", ["单雄信"]),
        ("sxx", ["单雄信"]),
        ("oyn", ["欧阳娜娜"]),
        ("机械", ["青山机械制造有限公司"]),
        ("qsjx", ["青山机械制造有限公司"]),
        ("jixie", ["青山机械制造有限公司"]),
        ("李 兰", ["李秀兰"]),
        ("z", []),
        ("赵", []),
        ("'; drop", []),
        ("张伟 & !王", []),
        ("\\", []),
    ],
)
def test_customers_are_found_by_name_and_pinyin(
    at_desk: Session, in_request: object, entered: str, found: list[str]
) -> None:
    assert titles(at_desk, entered) == found


def test_personal_numbers_are_found_whole_or_by_their_end(at_desk: Session, in_request: object, desk: Desk) -> None:
    name = "王芳"
    for secret in (desk.mobiles[name], desk.identifiers[name]):
        assert titles(at_desk, secret) == [name]
        assert titles(at_desk, secret[:-1]) == []
    assert titles(at_desk, desk.mobiles[name][-4:]) == [name]
    assert titles(at_desk, desk.identifiers["青山机械制造有限公司"].lower()) == ["青山机械制造有限公司"]


def test_no_personal_number_stands_in_what_records_are_found_by(at_desk: Session, desk: Desk) -> None:
    kept = " ".join(at_desk.scalars(select(SearchEntry.words)))
    assert "张伟" in kept
    for secret in (*desk.mobiles.values(), *desk.identifiers.values()):
        assert secret.lower() not in kept.lower()
        assert f"'{secret[-4:]}'" not in kept


def test_applications_are_found_by_number_and_by_their_customer(
    browsers: dict[str, Client], at_desk: Session, desk: Desk
) -> None:
    page = browsers["Approver"].get("/search/?q=zw", headers={"HX-Request": "true"}).text
    assert f"/customers/{desk.customers['张伟']}" in page
    assert page.count("/applications/") == 1
    assert "138****5000" in page
    assert desk.mobiles["张伟"] not in page
    assert desk.identifiers["张伟"] not in page
    running = browsers["Approver"].get("/search/?q=000002", headers={"HX-Request": "true"}).text
    assert f"/applications/{desk.applications[1]}" in running


def test_what_somebody_may_not_see_is_not_searched(browsers: dict[str, Client], desk: Desk) -> None:
    page = browsers["Cashier"].get("/search/?q=zw", headers={"HX-Request": "true"}).text
    assert f"/customers/{desk.customers['张伟']}" in page
    assert "/applications/" not in page


def test_who_is_not_signed_in_finds_nothing(application: object, desk: Desk) -> None:
    from tests.conftest import HostClient

    stranger = HostClient(application, f"{desk.tenant.slug}.localhost")
    assert stranger.get("/search/?q=zw", headers={"HX-Request": "true"}).status_code == 403
    assert stranger.get("/search/?q=zw").status_code == 302


def test_a_scope_on_the_session_narrows_what_is_found_by_itself(
    at_desk: Session, in_request: object, desk: Desk
) -> None:
    hidden = desk.customers["张伟"]

    def scoped(state: ORMExecuteState) -> None:
        if state.is_select:
            state.statement = state.statement.options(with_loader_criteria(Party, Party.id != hidden))

    assert titles(at_desk, "zw") == ["张伟"]
    event.listen(at_desk, "do_orm_execute", scoped)
    try:
        assert titles(at_desk, "zw") == []
        assert titles(at_desk, desk.mobiles["张伟"]) == []
    finally:
        event.remove(at_desk, "do_orm_execute", scoped)


def test_what_was_there_before_is_made_findable(at_desk: Session, in_request: object, desk: Desk) -> None:
    at_desk.execute(delete(SearchEntry))
    at_desk.commit()
    assert titles(at_desk, "zw") == []
    assert [fill(at_desk, source) for source in sources("microfinance")] == [
        at_desk.scalar(select(func.count()).select_from(source.entity)) for source in sources("microfinance")
    ]
    assert titles(at_desk, "zw") == ["张伟"]
    assert [fill(at_desk, source) for source in sources("microfinance")] == [0, 0, 0]


def test_names_are_sorted_by_pinyin(at_desk: Session) -> None:
    by_order = at_desk.scalars(select(Party.name).order_by(Party.name_order)).all()
    assert by_order == ["单雄信", "李秀兰", "欧阳娜娜", "青山机械制造有限公司", "王芳", "张伟"]
    assert set(by_order) == set(NAMES)


def test_words() -> None:
    assert words_of_name("张伟") == {"张伟", "伟", "zhangwei", "wei", "zw", "w"}
    assert words_of_name("Smith O'Neill") >= {"smith", "o", "neill"}
    assert words_of_number("SQ26000012") == {"sq26000012", "26000012", "000012", "12"}
