"""What a plan allows: at the limit the next one is refused with the figure, and what is there stays."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.audit.service import SYSTEM
from trilend.company.papers import Entered, submit_paper
from trilend.console.service import save_plan
from trilend.db.errors import limit_reached
from trilend.identity.service import add_api_client, add_person
from trilend.organization.sight import LOOKING_UP
from trilend.tenancy import context as tenancy_context
from trilend.tenancy.context import RegistrySession, bound, bound_request, tenant_session
from trilend.tenancy.lifecycle.service import By, events_of
from trilend.tenancy.plans import calls
from trilend.tenancy.plans.errors import (
    CallsUsedUp,
    InvalidFigure,
    InvalidSeconds,
    PeopleUsedUp,
    StorageUsedUp,
    UnknownPlan,
)
from trilend.tenancy.plans.models import CallCount, Plan
from trilend.tenancy.plans.service import (
    Usage,
    change_plan,
    forget_plans,
    in_words,
    limits_of,
    statement_seconds_of,
    take_place,
)
from trilend.tenancy.service import forget_tenants, tenant_by_id


@pytest.fixture
def small(installation: Any) -> Iterator[None]:
    """The plan `small`: two people, 100 bytes, three calls a day, five a month."""
    with RegistrySession() as registry:
        registry.merge(
            Plan(
                name="small",
                label="微型",
                people=2,
                storage_bytes=100,
                calls_per_day=3,
                calls_per_month=5,
                statement_seconds=None,
            )
        )
        registry.commit()
    forget_plans()
    yield
    forget_plans()


def onto(tenant: Any, plan: str) -> Any:
    with RegistrySession() as registry:
        change_plan(registry, tenant.id, plan, By("王审", 7), reason="试用到期")
        registry.commit()
    forget_tenants()
    return tenant_by_id(tenant.id)


def sign_in(client: Client) -> None:
    page = client.get("/login/?lang=en").get_data(as_text=True)
    form = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert form
    client.post("/login/", data={"csrf_token": form[1], "username": "admin", "password": PASSWORD})


def add_person_on_page(client: Client, name: str) -> Any:
    page = client.get("/people/add").get_data(as_text=True)
    form = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert form
    entered = {
        "csrf_token": form[1], "first_name": name, "username": name, "email": f"{name}@example.com", "active": "y",
        "roles": "1", "password": PASSWORD, "conf_password": PASSWORD,
    }  # fmt: skip
    return client.post("/people/add", data=entered)


def people(tenant: Any) -> set[str]:
    with bound(tenant):
        return set(tenant_session.scalars(text("SELECT username FROM ab_user WHERE active")))


def test_the_last_place_is_given_and_the_next_refused_with_what_was_entered(
    browse: Callable[[str], Client], tenant: Any, small: None
) -> None:
    onto(tenant, "small")
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    assert add_person_on_page(client, "zhou").status_code == 302
    refused = add_person_on_page(client, "zheng")

    page = refused.get_data(as_text=True)
    assert "“微型” allows 2 people" in page
    assert 'value="zheng"' in page
    assert people(tenant) == {"admin", "zhou"}


def test_somebody_switched_off_makes_room_and_does_not_come_back_beyond_it(
    browse: Callable[[str], Client], tenant: Any, small: None
) -> None:
    onto(tenant, "small")
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    add_person_on_page(client, "zhou")
    with bound(tenant):
        tenant_session.execute(text("UPDATE ab_user SET active = false WHERE username = 'zhou'"))
        zhou = tenant_session.scalar(text("SELECT id FROM ab_user WHERE username = 'zhou'"))
        tenant_session.commit()
    add_person_on_page(client, "zheng")
    page = client.get(f"/people/edit/{zhou}").get_data(as_text=True)
    form = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert form
    entered = {
        "csrf_token": form[1],
        "first_name": "zhou",
        "username": "zhou",
        "email": "zhou@example.com",
        "roles": "1",
    }
    client.post(f"/people/edit/{zhou}", data=entered | {"active": "y"})

    assert people(tenant) == {"admin", "zheng"}


def test_of_two_who_take_the_last_place_at_the_same_time_one_gets_it(tenant: Any, small: None) -> None:
    reading = onto(tenant, "small")
    took, outcomes = threading.Event(), []

    def second() -> None:
        took.wait()
        with bound(reading):
            session = tenant_session()
            try:
                take_place(session)
                add_person(session, username="zheng", name="郑", email="z@example.com", password=PASSWORD, roles=[])
                session.commit()
                outcomes.append("in")
            except PeopleUsedUp:
                outcomes.append("refused")

    other = threading.Thread(target=second)
    other.start()
    with bound(reading):
        session = tenant_session()
        take_place(session)
        add_person(session, username="zhou", name="周", email="zhou@example.com", password=PASSWORD, roles=[])
        took.set()
        other.join(0.5)
        assert (other.is_alive(), outcomes) == (True, [])
        session.commit()
    other.join()

    assert outcomes == ["refused"]
    assert people(tenant) == {"admin", "zhou"}


def test_a_place_that_was_not_taken_after_all_goes_to_the_next(tenant: Any, small: None) -> None:
    reading = onto(tenant, "small")
    with bound(reading):
        take_place(tenant_session())
        tenant_session.rollback()
    with bound(reading):
        session = tenant_session()
        take_place(session)
        add_person(session, username="zhou", name="周", email="zhou@example.com", password=PASSWORD, roles=[])
        session.commit()
        with pytest.raises(PeopleUsedUp):
            take_place(session)


def test_people_added_on_pages_at_the_same_time_do_not_pass_the_limit(
    browse: Callable[[str], Client], tenant: Any, small: None
) -> None:
    onto(tenant, "small")
    clients = [browse(f"{tenant.slug}.localhost") for _ in range(3)]
    for client in clients:
        sign_in(client)
    barrier = threading.Barrier(3)

    def add(client: Client, name: str) -> None:
        barrier.wait()
        add_person_on_page(client, name)

    threads = [threading.Thread(target=add, args=(each, f"zhou{number}")) for number, each in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(people(tenant)) == 2
    with bound(tenant):
        added = tenant_session.scalar(text("SELECT count(*) FROM audit_entry WHERE act = 'person.added'"))
    assert added == 1


def test_a_small_plans_long_statement_ends_sooner(
    browse: Callable[[str], Client], tenant: Any, new_tenant: Callable[..., Any], small: None
) -> None:
    with RegistrySession() as registry:
        registry.execute(update(Plan).where(Plan.name == "small").values(statement_seconds=1))
        registry.commit()
    forget_plans()
    reading, large = onto(tenant, "small"), onto(new_tenant(name="大公司"), "large")
    with bound_request(large, statement_seconds_of(large.plan)):
        assert tenant_session.scalar(text("SELECT current_setting('statement_timeout')")) == "30s"
    with bound_request(reading, statement_seconds_of(reading.plan)):
        begun = time.monotonic()
        with pytest.raises(DBAPIError) as stopped:
            tenant_session.execute(text("SELECT count(*) FROM generate_series(1, 100000000000)"))
        assert 1 <= time.monotonic() - begun < 5
        tenant_session.rollback()
    reached = limit_reached(stopped.value)
    assert reached is not None
    assert reached.code == "took_too_long"
    assert statement_seconds_of("a plan that was removed") is None


def test_a_request_is_bound_with_its_plans_seconds(
    browse: Callable[[str], Client], tenant: Any, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with RegistrySession() as registry:
        registry.execute(update(Plan).where(Plan.name == "small").values(statement_seconds=7))
        registry.commit()
    onto(tenant, "small")
    seen: list[str] = []
    original = tenancy_context.TenantSession.execute

    def look(self: Any, *args: Any, **options: Any) -> Any:
        found = original(self, *args, **options)
        asked = text("SELECT current_setting('statement_timeout')")
        seen.append(str(original(self, asked, execution_options={LOOKING_UP: True}).scalar_one()))
        return found

    monkeypatch.setattr(tenancy_context.TenantSession, "execute", look)
    for plan, timeout in (("small", "7s"), ("large", "30s")):
        onto(tenant, plan)
        client = browse(f"{tenant.slug}.localhost")
        sign_in(client)
        seen.clear()
        assert client.get("/company/").status_code == 200
        assert set(seen) == {timeout}


@pytest.mark.parametrize("entered", ["0", "301", "-1", "ten", "1.5"])
def test_a_plan_without_any_time_or_with_too_much_is_refused(installation: Any, small: None, entered: str) -> None:
    with RegistrySession() as registry:
        with pytest.raises((InvalidSeconds, InvalidFigure)):
            save_plan(registry, "small", "微型", {"statement_seconds": entered})
        registry.rollback()
        assert registry.get_one(Plan, "small").statement_seconds is None
        assert save_plan(registry, "small", "微型", {"statement_seconds": "300"}).statement_seconds == 300


def test_a_file_that_does_not_fit_is_refused_and_nothing_is_stored(tenant: Any, small: None, installation: Any) -> None:
    reading = onto(tenant, "small")
    stored = installation.folder / "objects" / tenant.id
    with bound(reading):
        session = tenant_session()
        fits = Entered("a.pdf", b"%PDF-" + b"0" * 60, tenant.name, "X-1", None, None)
        submit_paper(session, SYSTEM, "operating_permit", fits)
        session.commit()
        before = sorted(stored.rglob("*"))
        with pytest.raises(StorageUsedUp) as refused:
            submit_paper(session, SYSTEM, "operating_permit", fits)
        session.rollback()
    assert (refused.value.details["limit"], refused.value.details["used"]) == ("100 B", "65 B")
    assert sorted(stored.rglob("*")) == before


def test_calls_beyond_the_day_are_refused_and_the_day_is_counted_once(
    browse: Callable[[str], Client], tenant: Any, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with bound(tenant):
        row, secret = add_api_client(tenant_session(), SYSTEM, name="会计软件", scopes=["parties:read"])
        tenant_session.commit()
        credentials = (row.client_id, secret)
    onto(tenant, "small")
    client = browse(f"{tenant.slug}.localhost")
    token = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials).json
    head = {"Authorization": f"Bearer {token['access_token']}", "Accept-Language": "en"}

    statuses = [client.get("/api/v1/parties", headers=head).status_code for _ in range(5)]
    refused = client.get("/api/v1/parties", headers=head)

    assert statuses == [200, 200, 200, 429, 429]
    assert refused.json["code"] == "calls_used_up"
    assert "allows 3 calls a day" in refused.json["detail"]
    assert 0 < int(refused.headers["Retry-After"]) <= 86400
    calls.tell_registry()
    with RegistrySession() as registry:
        counted = registry.scalars(select(CallCount.calls).where(CallCount.tenant_id == tenant.id)).all()
    assert counted == [3]
    assert client.get("/api/v1/parties", headers=head).status_code == 429
    assert client.get("/api/v1/parties").status_code == 401


def test_calls_beyond_the_month_are_refused(tenant: Any, small: None) -> None:
    bound_tenant = onto(tenant, "small")
    today = calls._today()
    earlier = today.replace(day=1) if today.day > 1 else None
    if earlier is None:
        pytest.skip("on the first of a month the month is the day")
    with RegistrySession() as registry:
        registry.add(CallCount(tenant_id=tenant.id, day=earlier, calls=5))
        registry.commit()
    with pytest.raises(CallsUsedUp, match="5"):
        calls.count_call(bound_tenant)


def test_batches_of_many_threads_lose_no_call(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "BATCH", 7)

    def make() -> None:
        for _ in range(100):
            calls.count_call(tenant)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    calls.tell_registry()

    with RegistrySession() as registry:
        assert calls.calls_of(registry, tenant.id) == (400, 400)


def test_a_plan_is_changed_by_name_and_logged(tenant: Any) -> None:
    onto(tenant, "large")
    with RegistrySession() as registry:
        newest = events_of(registry, tenant.id)[0]
        assert (newest.act, newest.reason, newest.details) == (
            "plan", "试用到期", {"before": "trial", "after": "large"}
        )  # fmt: skip
    with pytest.raises(UnknownPlan):
        onto(tenant, "golden")
    assert tenant_by_id(tenant.id).plan == "large"


def test_the_first_plans_are_there(installation: Any) -> None:
    assert (limits_of("trial").people, limits_of("trial").storage_bytes) == (10, 1024**3)
    assert limits_of("large").people is None


@pytest.mark.parametrize(
    ("used", "limit", "percent", "tone"),
    [
        (0, 10, 0, "success"),
        (7, 10, 70, "success"),
        (8, 10, 80, "warning"),
        (10, 10, 100, "danger"),
        (12, 10, 100, "danger"),
        (5, None, None, "success"),
        (0, 0, 100, "danger"),
    ],
)
def test_pages_warn_from_eighty_percent_on(used: int, limit: int | None, percent: int | None, tone: str) -> None:
    assert (Usage(used, limit).percent, Usage(used, limit).tone) == (percent, tone)


@pytest.mark.parametrize(
    ("size", "words"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 kB"), (1024**3, "1 GB"), (5 * 2**40, "5 TB")]
)
def test_bytes_in_words(size: int, words: str) -> None:
    assert in_words(size) == words
