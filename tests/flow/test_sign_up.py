"""A company signs itself up over HTTP; wrong turns leave nothing half-made and lose nothing entered."""

import re
import secrets
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import func, select
from tests.numbers import new_uscc
from werkzeug.test import Client, TestResponse

from trilend.messages.service import recent
from trilend.signup.models import SignUp
from trilend.tenancy.blueprint import blueprint_of
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.models import Tenant, TenantState
from trilend.tenancy.provisioning import FirstAdministrator, provision

_TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')


def post(client: Client, path: str, **data: str) -> TestResponse:
    found = _TOKEN.search(client.get(path).get_data(as_text=True))
    assert found
    return client.post(path, data={"csrf_token": found[1]} | data)


def entered(**changes: str) -> dict[str, str]:
    return {
        "kind": "microfinance",
        "company": "新山小额贷款有限公司",
        "uscc": new_uscc(),
        "slug": f"s{secrets.token_hex(5)}",
        "admin_name": "王管理",
        "admin_username": "wang",
        "admin_email": f"{secrets.token_hex(4)}@example.com",
        "password": "correct horse battery",
        "password_again": "correct horse battery",
    } | changes


def code_for(mail: str, run_jobs: Callable[[], int]) -> str:
    run_jobs()
    newest = next(message for message in recent() if message.recipient == mail)
    found = re.search(r"\b\d{6}\b", newest.subject)
    assert found
    return found[0]


def begin(client: Client, data: dict[str, str]) -> str:
    answer = post(client, "/signup", **data)
    assert answer.status_code == 302, answer.get_data(as_text=True)
    return answer.location.rpartition("/code")[0]


def test_a_company_signs_up_and_its_administrator_signs_in(
    browse: Callable[[str], Client], run_jobs: Callable[[], int]
) -> None:
    client, data = browse("localhost"), entered()
    path = begin(client, data)
    assert post(client, f"{path}/code", code=code_for(data["admin_email"], run_jobs)).location == f"{path}/progress"
    run_jobs()
    assert f"{data['slug']}.localhost" in client.get(f"{path}/progress/state").get_data(as_text=True)
    tenant = browse(f"{data['slug']}.localhost")
    assert post(tenant, "/login/", username="wang", password=data["password"]).status_code == 302
    home = tenant.get("/").get_data(as_text=True)
    assert data["company"] in home
    assert "王管理" in home


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("uscc", "91110105MA01AB3C7A"),
        ("slug", "admin"),
        ("slug", "-x-"),
        ("admin_email", "not a mail"),
        ("password", "short"),
        ("password_again", "another one entirely"),
        ("kind", "bank"),
        ("company", ""),
    ],
)
def test_a_wrong_entry_is_named_and_the_rest_is_kept(browse: Callable[[str], Client], field: str, wrong: str) -> None:
    data = entered(**{field: wrong})
    answer = post(browse("localhost"), "/signup", **data)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in page or 'class="form-error"' in page
    assert data["admin_name"] in page
    with RegistrySession() as registry:
        assert registry.scalar(select(func.count()).select_from(SignUp).where(SignUp.uscc == data["uscc"])) == 0


def test_five_wrong_codes_are_enough(browse: Callable[[str], Client], run_jobs: Callable[[], int]) -> None:
    client, data = browse("localhost"), entered()
    path = begin(client, data)
    right = code_for(data["admin_email"], run_jobs)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    assert [post(client, f"{path}/code", code=wrong).status_code for _ in range(5)] == [422] * 5
    assert post(client, f"{path}/code", code=right).status_code == 409
    with RegistrySession() as registry:
        assert registry.scalar(select(Tenant).where(Tenant.slug == data["slug"])) is None


def test_a_second_submit_and_a_second_tab_make_one_tenant(
    browse: Callable[[str], Client], run_jobs: Callable[[], int]
) -> None:
    client, data = browse("localhost"), entered()
    path = begin(client, data)
    code = code_for(data["admin_email"], run_jobs)
    token = _TOKEN.search(client.get(f"{path}/code").get_data(as_text=True))
    assert token
    for _ in range(2):
        assert client.post(f"{path}/code", data={"csrf_token": token[1], "code": code}).status_code == 302
    run_jobs()
    with RegistrySession() as registry:
        (tenant,) = registry.scalars(select(Tenant).where(Tenant.slug == data["slug"])).all()
        assert tenant.state == TenantState.TRIAL


def test_a_name_taken_in_the_last_second_is_told_before_anything_is_made(
    browse: Callable[[str], Client], run_jobs: Callable[[], int]
) -> None:
    client, first = browse("localhost"), entered()
    second = entered(slug=first["slug"])
    paths = [begin(client, data) for data in (first, second)]
    codes = [code_for(data["admin_email"], run_jobs) for data in (first, second)]
    assert post(client, f"{paths[0]}/code", code=codes[0]).status_code == 302
    assert post(client, f"{paths[1]}/code", code=codes[1]).status_code == 409
    run_jobs()
    with RegistrySession() as registry:
        assert registry.scalar(select(func.count()).select_from(Tenant).where(Tenant.slug == first["slug"])) == 1


def test_an_unknown_link_begins_again(browse: Callable[[str], Client]) -> None:
    assert browse("localhost").get("/signup/nothing/code").status_code == 404


def test_a_failed_provisioning_leaves_nothing_and_a_retry_is_safe(
    new_tenant: Callable[..., Any], installation: Any
) -> None:
    from dataclasses import replace

    from trilend.storage.keys import new_wrapped_key
    from trilend.tenancy.service import register_tenant

    with RegistrySession() as registry:
        tenant = register_tenant(
            registry,
            slug=f"f{secrets.token_hex(5)}",
            kind="broker",
            name="助贷",
            uscc=new_uscc(),
            wrapped_key=new_wrapped_key(),
        )
        registry.commit()
        tenant_id, schema = tenant.id, tenant.schema
    sound = blueprint_of("broker")
    broken = replace(sound, rows=sound.rows + "SELECT 1/0;")
    person = FirstAdministrator("admin", "甲", "a@example.com", "x")
    with pytest.raises(psycopg.errors.DivisionByZero):
        provision(tenant_id, person, broken)
    with psycopg.connect(installation.database.superuser_url) as connection:
        assert connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,)).fetchone() is None
        assert connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (schema,)).fetchone() is None
    for _ in range(2):
        provision(tenant_id, person, sound)
    with RegistrySession() as registry:
        assert registry.get_one(Tenant, tenant_id).state == TenantState.TRIAL


def test_who_loses_the_race_for_a_name_finds_what_was_typed_and_chooses_again(
    browse: Callable[[str], Client], run_jobs: Callable[[], int]
) -> None:
    faster, slower = browse("localhost"), browse("localhost")
    data = entered()
    first, second = begin(faster, data), begin(slower, entered(slug=data["slug"], company="慢一步小额贷款有限公司"))
    code = code_for(data["admin_email"], run_jobs)
    assert post(faster, f"{first}/code", code=code).location == f"{first}/progress"

    with RegistrySession() as session:
        loser = session.scalars(select(SignUp).where(SignUp.token == second.rpartition("/")[2])).one()
    answer = post(slower, f"{second}/code", code=code_for(loser.admin_email, run_jobs))

    assert answer.status_code == 409
    page = answer.get_data(as_text=True)
    for kept in ("慢一步小额贷款有限公司", loser.uscc, loser.slug, loser.admin_email, "王管理"):
        assert f'value="{kept}"' in page
    assert 'action="/signup"' in page
    assert "correct horse battery" not in page
    with RegistrySession() as session:
        assert len(session.scalars(select(Tenant).where(Tenant.slug == data["slug"])).all()) == 1
    # With another address the same person goes on.
    again = entered(slug=f"{loser.slug}2", company=loser.company, uscc=loser.uscc)
    assert begin(slower, again)
