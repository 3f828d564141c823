"""A tenant's door: shut it shows nothing but why; read-only the database itself refuses every write."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError
from tests.conftest import PASSWORD, Installation
from tests.numbers import new_uscc
from werkzeug.test import Client

from trilend.audit.service import SYSTEM
from trilend.db.wire import send
from trilend.identity.models import ApiClient, ApiToken
from trilend.identity.service import add_api_client
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import enqueue, run_job, sweep
from trilend.parties.models import Party
from trilend.tenancy.context import RegistrySession, bookkeeping, bound, tenant_session
from trilend.tenancy.door import DIFFERS, Reason
from trilend.tenancy.errors import BeingMoved, NotAdmitted
from trilend.tenancy.models import Door, Tenant, TenantState
from trilend.tenancy.service import forget_tenants, open_tenants, tenant_by_id


def set_row(tenant: Any, **values: Any) -> Any:
    """Change the registry's row as an operator's act does, and look the tenant up anew."""
    with RegistrySession() as registry:
        registry.execute(update(Tenant).where(Tenant.id == tenant.id).values(**values))
        registry.commit()
    forget_tenants()
    return tenant_by_id(tenant.id)


def suspend(tenant: Any, door: Door) -> Any:
    return set_row(tenant, state=TenantState.SUSPENDED, suspension=door)


def token_on(page: str) -> str:
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    return found[1]


def sign_in(client: Client) -> None:
    token = token_on(client.get("/login/").get_data(as_text=True))
    answer = client.post("/login/", data={"csrf_token": token, "username": "admin", "password": PASSWORD})
    assert answer.status_code == 302


def count(tenant: Any, model: type) -> int:
    with bound(tenant):
        return int(tenant_session.scalar(select(func.count()).select_from(model)) or 0)


SHUT = [
    ({"state": TenantState.SUSPENDED, "suspension": Door.SHUT}, "tenant_suspended", 403, None),
    ({"door": Door.SHUT, "door_reason": Reason.MOVING}, "tenant_moving", 503, "10"),
    ({"door": Door.SHUT, "door_reason": Reason.RESTORING}, "tenant_restoring", 503, "60"),
    ({"door": Door.SHUT, "door_reason": "something else"}, "tenant_maintenance", 503, "60"),
    ({"fault": f"{DIFFERS}missing: index x"}, "tenant_faulty", 503, "300"),
    ({"revision": "0001.0001.x"}, "tenant_updating", 503, "60"),
    ({"revision": "0001.0001.x", "fault": "lock timeout"}, "tenant_faulty", 503, "300"),
]


@pytest.mark.parametrize(("row", "code", "status", "retry_after"), SHUT)
def test_a_shut_door_shows_nothing_but_why(
    browse: Callable[[str], Client], tenant: Any, row: dict[str, Any], code: str, status: int, retry_after: str | None
) -> None:
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    set_row(tenant, **row)

    for path in ("/", "/customers/", "/login/", "/no-such-page"):
        page = client.get(path)
        assert page.status_code == status
        assert page.headers.get("Retry-After") == retry_after
        assert "管理员" not in page.get_data(as_text=True)
    answer = client.get("/api/v1/parties")
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json["code"] == code
    assert client.post("/oauth/token", data={"grant_type": "client_credentials"}).json["code"] == code
    with client.get("/static/trilend/trilend.css") as sheet:
        assert sheet.status_code == 200


def test_the_notice_speaks_the_language_that_the_person_chose(browse: Callable[[str], Client], tenant: Any) -> None:
    client = browse(f"{tenant.slug}.localhost")
    client.get("/language?to=en")
    suspend(tenant, Door.SHUT)

    assert "This company is suspended" in client.get("/").get_data(as_text=True)


def test_others_are_served_while_one_is_faulty(
    browse: Callable[[str], Client], new_tenant: Callable[..., Any], tenant: Any
) -> None:
    other = new_tenant()
    set_row(tenant, fault=f"{DIFFERS}missing: index x")

    assert browse(f"{tenant.slug}.localhost").get("/login/").status_code == 503
    assert browse(f"{other.slug}.localhost").get("/login/").status_code == 200


def test_the_failed_step_of_a_newer_release_shuts_nobody_out(browse: Callable[[str], Client], tenant: Any) -> None:
    set_row(tenant, fault="lock timeout at a step this release does not know")

    assert browse(f"{tenant.slug}.localhost").get("/login/").status_code == 200


def test_a_tenant_that_a_newer_release_has_moved_on_is_served(browse: Callable[[str], Client], tenant: Any) -> None:
    set_row(tenant, revision="9999.9999.x")

    assert browse(f"{tenant.slug}.localhost").get("/login/").status_code == 200


def test_jobs_wait_until_the_door_is_open_again(tenant: Any, installation: Installation) -> None:
    with bound(tenant):
        job = enqueue(tenant_session(), "parameters.close_day", {})
        tenant_session.commit()
        job_id = job.id
    shut = suspend(tenant, Door.SHUT)

    assert tenant.id not in {each.id for each in open_tenants()}
    assert not run_job(tenant.id, job_id)
    with bound(shut):
        waiting = tenant_session.get_one(Job, job_id)
        assert (waiting.state, waiting.attempts) == (JobState.QUEUED, 0)
    set_row(tenant, state=TenantState.TRIAL, suspension=Door.OPEN)
    sent: list[tuple[str | None, int]] = []
    sweep(lambda tenant_id, number: sent.append((tenant_id, number)))
    assert (tenant.id, job_id) in sent


WRITES = [
    "INSERT INTO ab_role (id, name) VALUES (424242, 'x')",
    "UPDATE ab_user SET active = false",
    "DELETE FROM ab_user_role",
    "SELECT nextval('ab_role_id_seq')",
    "SELECT id FROM ab_user FOR UPDATE",
    "WITH gone AS (DELETE FROM ab_role RETURNING id) SELECT count(*) FROM gone",
]


@pytest.mark.parametrize("statement", WRITES)
def test_the_database_refuses_every_write_of_a_read_only_tenant(tenant: Any, statement: str) -> None:
    with bound(suspend(tenant, Door.READ_ONLY)):
        with pytest.raises(NotAdmitted) as refused:
            tenant_session.execute(text(statement))
        assert refused.value.code == "tenant_suspended"
        tenant_session.rollback()
        assert tenant_session.scalar(text("SELECT count(*) FROM ab_user WHERE active")) == 1


def test_a_statement_cannot_make_its_own_transaction_writable(tenant: Any) -> None:
    with bound(suspend(tenant, Door.READ_ONLY)):
        tenant_session.execute(text("SELECT 1"))
        for attempt in ("SET TRANSACTION READ WRITE", "TRUNCATE ab_role", "CREATE TABLE extra (id int)"):
            with pytest.raises(ProgrammingError, match="queries and changes of rows only"):
                tenant_session.execute(text(attempt))
            tenant_session.rollback()
        with pytest.raises((DBAPIError, NotAdmitted)):
            tenant_session.execute(text("SELECT set_config('transaction_read_only', 'off', true)"))
        tenant_session.rollback()
        with pytest.raises(NotAdmitted):
            tenant_session.execute(text("UPDATE ab_user SET active = false"))


def test_reading_only_costs_no_further_message(tenant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    original = psycopg.Cursor.execute

    def listen(self: Any, query: Any, *arguments: Any, **options: Any) -> Any:
        sent.append(query)
        return original(self, query, *arguments, **options)

    def listen_past_the_cursor(connection: Any, message: bytes) -> None:
        sent.append(message)
        send(connection, message)

    reading = suspend(tenant, Door.READ_ONLY)
    monkeypatch.setattr(psycopg.Cursor, "execute", listen)
    monkeypatch.setattr("trilend.db.engine.send", listen_past_the_cursor)
    with bound(reading):
        tenant_session.execute(text("SELECT 1"))
        tenant_session.rollback()

    schema = tenant.schema.encode()
    opening = b"BEGIN READ ONLY; SET LOCAL ROLE " + schema + b"; SET LOCAL search_path TO " + schema
    assert sent[-2:] == [opening, "SELECT 1"]


def test_people_sign_in_read_and_sign_out_of_a_read_only_tenant(browse: Callable[[str], Client], tenant: Any) -> None:
    suspend(tenant, Door.READ_ONLY)
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    start = client.get("/?lang=en")
    assert "nothing can be changed" in start.get_data(as_text=True)
    links = set(re.findall(r'href="(/[^"?#]*)', start.get_data(as_text=True))) - {
        "/logout/",
        "/language",
        "/appearance",
    }

    pages = {link: client.get(link).status_code for link in links if not link.startswith("/static/")}

    assert {link: status for link, status in pages.items() if status != 200} == {}
    assert len(pages) > 8
    assert client.get("/logout/").status_code == 302


def test_a_wrong_password_is_refused_as_always(browse: Callable[[str], Client], tenant: Any) -> None:
    suspend(tenant, Door.READ_ONLY)
    client = browse(f"{tenant.slug}.localhost")
    for name in ("admin", "nobody"):
        token = token_on(client.get("/login/").get_data(as_text=True))
        client.post("/login/", data={"csrf_token": token, "username": name, "password": "wrong"})
        assert client.get("/customers/").status_code == 302


def test_a_form_sent_to_a_read_only_tenant_changes_nothing_and_keeps_what_was_entered(
    browse: Callable[[str], Client], tenant: Any
) -> None:
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    form = client.get("/parameters/").get_data(as_text=True)
    reading = suspend(tenant, Door.READ_ONLY)
    entered = {
        "csrf_token": token_on(form), "first_name": "王五", "username": "wang5", "email": "w@example.com",
        "active": "y", "roles": "1", "password": PASSWORD, "conf_password": PASSWORD,
    }  # fmt: skip

    answer = client.post(
        "/people/add?lang=en", data=entered, headers={"Referer": f"http://{tenant.slug}.localhost:8000/people/add"}
    )

    page = answer.get_data(as_text=True)
    assert answer.status_code == 403
    assert "nothing can be changed" in page
    assert 'name="first_name" value="王五"' in page
    assert PASSWORD not in page
    with bound(reading):
        assert tenant_session.scalar(text("SELECT count(*) FROM ab_user")) == 1


def test_a_password_is_not_said_to_be_changed_when_it_is_not(browse: Callable[[str], Client], tenant: Any) -> None:
    client = browse(f"{tenant.slug}.localhost")
    sign_in(client)
    form = client.get("/account/password").get_data(as_text=True)
    suspend(tenant, Door.READ_ONLY)
    new = {"csrf_token": token_on(form), "current": PASSWORD}
    new |= {"password": "another long one of mine", "password_again": "another long one of mine"}

    assert client.post("/account/password", data=new).status_code == 403
    client.get("/logout/")
    sign_in(client)


def test_programs_get_tokens_and_read_but_do_not_write(browse: Callable[[str], Client], tenant: Any) -> None:
    with bound(tenant):
        client_row, secret = add_api_client(
            tenant_session(), SYSTEM, name="会计软件", scopes=["parties:read", "parties:write"]
        )
        tenant_session.commit()
        credentials = (client_row.client_id, secret)
    reading = suspend(tenant, Door.READ_ONLY)
    client = browse(f"{tenant.slug}.localhost")

    token = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)
    assert token.status_code == 200
    head = {"Authorization": f"Bearer {token.json['access_token']}"}
    assert client.get("/api/v1/parties", headers=head).status_code == 200
    company = {"kind": "organization", "name": "云杉商贸有限公司", "identifier": new_uscc(), "mobile": "13900000000"}
    company |= {"account_number": "11001085000012345678"}
    refused = client.post("/api/v1/parties", json=company, headers=head | {"Accept-Language": "en"})

    assert refused.status_code == 403, refused.json
    assert refused.json["code"] == "tenant_suspended"
    assert count(reading, Party) == 0


def test_nothing_at_all_is_written_while_a_tenant_moves(browse: Callable[[str], Client], tenant: Any) -> None:
    with bound(tenant):
        client_row, secret = add_api_client(tenant_session(), SYSTEM, name="会计软件", scopes=["parties:read"])
        tenant_session.commit()
        credentials = (client_row.client_id, secret)
    moving = set_row(tenant, door=Door.READ_ONLY, door_reason=Reason.MOVING)
    client = browse(f"{tenant.slug}.localhost")

    refused = client.post("/oauth/token", data={"grant_type": "client_credentials"}, auth=credentials)

    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "10")
    assert refused.json["code"] == "tenant_moving"
    with bound(moving), bookkeeping(), pytest.raises(BeingMoved):
        tenant_session.execute(text("UPDATE ab_user SET active = false"))
    assert count(moving, ApiToken) == 0
    assert count(moving, ApiClient) == 1


def test_people_are_told_how_long_they_may_still_read(browse: Callable[[str], Client], tenant: Any) -> None:
    until = datetime(2027, 1, 31, 4, tzinfo=UTC)
    set_row(tenant, door=Door.READ_ONLY, door_reason=Reason.CLOSING, door_until=until)
    client = browse(f"{tenant.slug}.localhost")

    assert "2027-01-31" in client.get("/login/").get_data(as_text=True)
