"""What a plan allows: at the limit the next one is refused with the figure, and what is there stays."""

import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select, text
from tests.conftest import PASSWORD
from werkzeug.test import Client

from trilend.audit.service import SYSTEM
from trilend.company.papers import Entered, submit_paper
from trilend.identity.service import add_api_client
from trilend.tenancy.context import RegistrySession, bound, tenant_session
from trilend.tenancy.lifecycle.service import By, events_of
from trilend.tenancy.plans import calls
from trilend.tenancy.plans.errors import CallsUsedUp, StorageUsedUp, UnknownPlan
from trilend.tenancy.plans.models import CallCount, Plan
from trilend.tenancy.plans.service import Usage, change_plan, forget_plans, in_words, limits_of
from trilend.tenancy.service import forget_tenants, tenant_by_id


@pytest.fixture
def small(installation: Any) -> Iterator[None]:
    """The plan `small`: two people, 100 bytes, three calls a day, five a month."""
    with RegistrySession() as registry:
        registry.merge(
            Plan(name="small", label="微型", people=2, storage_bytes=100, calls_per_day=3, calls_per_month=5)
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


def add_person(client: Client, name: str) -> Any:
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
    assert add_person(client, "zhou").status_code == 302
    refused = add_person(client, "zheng")

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
    add_person(client, "zhou")
    with bound(tenant):
        tenant_session.execute(text("UPDATE ab_user SET active = false WHERE username = 'zhou'"))
        zhou = tenant_session.scalar(text("SELECT id FROM ab_user WHERE username = 'zhou'"))
        tenant_session.commit()
    add_person(client, "zheng")
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
