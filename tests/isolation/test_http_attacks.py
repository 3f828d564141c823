"""Invariant 2, tried over HTTP: names of hosts, ids, cookies, tokens and links of one company at another's door."""

import base64
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from tests.conftest import PASSWORD
from tests.flow.lending import Lender, active_loan, open_lender
from tests.isolation.test_http_walls import sign_in
from werkzeug.test import Client

from trilend.app import create_tenant_app
from trilend.audit.service import Actor
from trilend.console.service import add_operator
from trilend.identity.scopes import SCOPES
from trilend.identity.service import add_api_client
from trilend.jobs.models import Job, JobState
from trilend.jobs.service import enqueue, run_job
from trilend.signing.models import Envelope, Signatory, SignatoryRole
from trilend.signing.service import new_link
from trilend.tenancy.context import RegistrySession, bound, tenant_session
from trilend.tenancy.errors import UnknownTenant
from trilend.tenancy.routing import subdomain
from trilend_sandbox.bank.process import BankProcess

BORROWER = "欧阳受害"
_IDS = (1, 2, 3, 4)
_ROLE = 9001
_OWN_TOO = (
    "/products/",
    "/loans/collect/",
    "/account/sessions/",
    "/sign-in/people/1/",
    "/organization/departments/1",
    "/organization/people/1",
    "/organization/rights/",
)
"""The attacker has products, a department, roles, an administrator and browsers of its own with these numbers; and a receipt is assigned by
the loan's number, looked at first."""


@dataclass(frozen=True)
class Companies:
    """A company that lends, and another that wants to see what it has."""

    attacker: Any
    victim: Any
    superuser: Any

    def rows_of_the_victim(self) -> dict[str, Any]:
        """A digest of each of its tables."""
        names = self.superuser.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = %s::regnamespace ORDER BY 1",
            (self.victim.schema,),
        ).fetchall()
        return {
            name: self.superuser.execute(
                f"SELECT count(*), md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {self.victim.schema}.{name} AS t"
            ).fetchone()
            for (name,) in names
        }


@pytest.fixture(scope="module")
def companies(
    new_tenant: Callable[..., Any], installation: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Companies]:
    """The victim has a customer, a running loan, a signed contract, people, connections, jobs; the attacker nothing."""
    import psycopg

    attacker, victim = new_tenant(name="窥视者小额贷款有限公司"), new_tenant(name="受害者小额贷款有限公司")
    with BankProcess(tmp_path_factory.mktemp("bank")) as bank, bound(victim):
        session = tenant_session()
        lender: Lender = open_lender(session, victim, bank)
        active_loan(session, lender, name=BORROWER)
        session.execute(text("INSERT INTO ab_role (id, name) VALUES (9001, '受害者的角色')"))
        session.commit()
    with psycopg.connect(installation.database.superuser_url, autocommit=True) as superuser:
        yield Companies(attacker, victim, superuser)


@pytest.fixture
def unharmed(companies: Companies) -> Iterator[None]:
    """Every row of the victim is as it was."""
    before = companies.rows_of_the_victim()
    yield
    assert companies.rows_of_the_victim() == before


@pytest.mark.parametrize(
    "forged",
    [
        "{victim}.localhost.",
        "{victim}.localhost..",
        ".{victim}.localhost",
        "{victim}..localhost",
        "{victim}_x.localhost",
        "x.{victim}.localhost",
        "{victim}.localhost@evil.example",
        "user@{victim}.localhost",
        "user:pass@{victim}.localhost",
        "{victim}.localhost:8000:8000",
        "{victim}.localhost:8000@evil.example",
        "{victim}.localhost, {attacker}.localhost",
        "{victim}.localhost {attacker}.localhost",
        "{victim}.localhost/x",
        "{victim}.localhost?x",
        "{victim}.localhost#x",
        "{victim}.localhost%00.evil.example",
        "{victim}%2elocalhost",
        "{victim}.localhost.evil.example",
        "evil{victim}.localhost",
        "[{victim}.localhost]",
        "127.0.0.1",
        "[::1]",
        "",
        "localhost.evil.example",
        "ｌocalhost",
    ],
)
def test_a_name_that_only_resembles_a_companys_host_reaches_nobody(
    application: Any, companies: Companies, forged: str
) -> None:
    host = forged.replace("{victim}", companies.victim.slug).replace("{attacker}", companies.attacker.slug)
    answer = Client(application).get("/login/", environ_overrides={"HTTP_HOST": host})
    assert answer.status_code in (400, 404)
    assert companies.victim.name not in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "host", ["{slug}.localhost", "{slug}.localhost:8000", "{SLUG}.localhost", "{slug}.LOCALHOST:1"]
)
def test_case_and_port_do_not_matter(companies: Companies, host: str) -> None:
    slug = companies.victim.slug
    assert subdomain(host.replace("{slug}", slug).replace("{SLUG}", slug.upper())) == slug


@pytest.mark.parametrize(
    "header",
    [
        *("X-Forwarded-Host", "X-Forwarded-Server", "X-Host", "X-Original-Host", "X-HTTP-Host-Override"),
        *("Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-Tenant", "Host-Override", "X-ProxyUser-Ip"),
    ],
)
def test_no_header_but_host_decides(browse: Callable[[str], Client], companies: Companies, header: str) -> None:
    name = f"{companies.victim.slug}.localhost"
    value = {"Forwarded": f"host={name}", "X-Original-URL": f"http://{name}/login/"}.get(header, name)
    page = browse(f"{companies.attacker.slug}.localhost").get("/login/", headers={header: value})
    assert companies.attacker.name in page.get_data(as_text=True)
    assert companies.victim.name not in page.get_data(as_text=True)
    assert name not in (page.headers.get("Location") or "")


@pytest.fixture(scope="module")
def server(installation: Any) -> Iterator[int]:
    """The real web server, as `trilend web` starts it; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "trilend.cli", "web", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.parametrize(
    "request_text",
    [
        "GET http://{victim}/login/ HTTP/1.1\r\nHost: {attacker}\r\n",
        "GET /login/ HTTP/1.1\r\nHost: {attacker}\r\nHost: {victim}\r\n",
        "GET /login/ HTTP/1.1\r\nHost: {victim}, {attacker}\r\n",
        "GET /login/ HTTP/1.1\r\nHost: {attacker}\r\n Host: {victim}\r\n",
        "GET /login/ HTTP/1.1\r\nHost : {victim}\r\nHost: {attacker}\r\n",
        "GET /login/ HTTP/1.1\r\nHost: {attacker}\r\nHTTP_HOST: {victim}\r\n",
        "GET /login/ HTTP/1.1\r\nHost: {attacker}\r\nX_Forwarded_Host: {victim}\r\n",
        "GET //{victim}/login/ HTTP/1.1\r\nHost: {attacker}\r\n",
        "GET /login/ HTTP/1.0\r\n",
        "GET @{victim}/login/ HTTP/1.1\r\nHost: {attacker}\r\n",
    ],
)
def test_requests_that_name_two_hosts_do_not_reach_the_second(
    server: int, companies: Companies, request_text: str
) -> None:
    names = {"victim": companies.victim.slug, "attacker": companies.attacker.slug}
    message = request_text
    for name, slug in names.items():
        message = message.replace("{" + name + "}", f"{slug}.localhost:{server}")
    with socket.create_connection(("127.0.0.1", server), timeout=20) as connection:
        connection.sendall(f"{message}Connection: close\r\n\r\n".encode())
        answer = b""
        with suppress(TimeoutError, ConnectionResetError):
            while part := connection.recv(65536):
                answer += part
    assert companies.victim.name.encode() not in answer
    assert answer.startswith(b"HTTP/1.")
    assert re.match(rb"HTTP/1\.[01] (200|30[128]|400|404)", answer), answer[:100]


def addresses() -> list[tuple[str, str]]:
    """Every address of the tenants' pages that takes an id, with each id, and the method."""
    found = []
    for rule in create_tenant_app().url_map.iter_rules():
        numbered = [name for name, kind in rule._converters.items() if type(kind).__name__ == "IntegerConverter"]
        if not numbered and "<pk>" not in rule.rule:
            continue
        ids = (_ROLE,) if rule.rule.startswith("/roles/") else _IDS[1:] if "<pk>" in rule.rule else _IDS
        for number in ids:
            path = re.sub(r"<int:\w+>|<pk>", str(number), rule.rule)
            path = path.replace("<string:name>", "delete").replace("<field>", "mobile")
            found += [(method, path) for method in sorted(rule.methods or ()) if method in ("GET", "POST")]
    return found


@pytest.mark.usefixtures("unharmed")
def test_ids_of_another_company_lead_nowhere(browse: Callable[[str], Client], companies: Companies) -> None:
    client = browse(f"{companies.attacker.slug}.localhost")
    sign_in(client, PASSWORD)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/api-clients/").get_data(as_text=True))
    assert token
    tried, elsewhere = 0, []
    for method, path in addresses():
        data = (
            {"csrf_token": token[1], "reason": "x", "name": "x", "amount": "1", "note": "x", "method": "file"}
            if method == "POST"
            else None
        )
        answer = client.open(path, method=method, data=data)
        tried += 1
        body = answer.get_data(as_text=True)
        assert BORROWER not in body, path
        assert companies.victim.name not in body, path
        if answer.status_code not in (404, 405):
            elsewhere.append((method, path, answer.status_code, answer.headers.get("Location", "")))
    assert tried > 100
    # The library answers an unknown row with a message on the list; it is not there for the attacker either way.
    known = ("/people/", "/roles/", *_OWN_TOO)
    found = [each for each in elsewhere if not each[1].startswith(known)]
    assert found == [], "\n".join(map(str, found))
    assert {each[2] for each in elsewhere if not each[1].startswith(_OWN_TOO)} <= {302, 303, 422}, elsewhere


@pytest.mark.usefixtures("unharmed")
def test_addresses_with_ids_ask_who_one_is(browse: Callable[[str], Client], companies: Companies) -> None:
    client = browse(f"{companies.victim.slug}.localhost")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/login/").get_data(as_text=True))
    assert token
    for method, path in addresses():
        data = {"csrf_token": token[1]} if method == "POST" else None
        answer = client.open(path, method=method, data=data)
        assert answer.status_code in (302, 401, 403, 404), (method, path, answer.status_code)
        if answer.status_code == 302:
            assert "/login/" in answer.location or path.startswith(("/people/", "/roles/")), (method, path)
        assert BORROWER not in answer.get_data(as_text=True)


@pytest.mark.usefixtures("unharmed")
def test_ids_of_another_company_lead_nowhere_by_the_interface(
    browse: Callable[[str], Client], companies: Companies
) -> None:
    browser = browse(f"{companies.attacker.slug}.localhost")
    token = _access_token(browser, companies.attacker)
    described = browser.get("/api/v1/_openapi").get_json()
    tried = 0
    for path, operations in described["paths"].items():
        if "{" not in path:
            continue
        for method in set(operations) & {"get", "post", "put", "patch", "delete"}:
            for number in _IDS:
                address = re.sub(r"\{\w+\}", str(number), path)
                address = address if address.startswith("/api/") else f"/api/v1{address}"
                answer = browser.open(
                    address,
                    method=method.upper(),
                    json={} if method != "get" else None,
                    headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"k{tried}"},
                )
                tried += 1
                assert answer.status_code in (404, 422), (method, address, answer.status_code)
                assert BORROWER not in answer.get_data(as_text=True)
    assert tried > 10


def test_an_access_token_of_one_company_is_unknown_to_another(
    browse: Callable[[str], Client], companies: Companies
) -> None:
    mine, theirs = (browse(f"{each.slug}.localhost") for each in (companies.attacker, companies.victim))
    token = _access_token(mine, companies.attacker)
    header = {"Authorization": f"Bearer {token}"}
    assert mine.get("/api/v1/parties", headers=header).status_code == 200
    refused = theirs.get("/api/v1/parties", headers=header)
    assert refused.status_code == 401
    assert BORROWER not in refused.get_data(as_text=True)


def test_credentials_of_a_program_of_one_company_get_no_token_of_another(
    browse: Callable[[str], Client], companies: Companies
) -> None:
    with bound(companies.attacker):
        client, secret = add_api_client(tenant_session(), Actor("管理员", 1), name="ERP", scopes=tuple(SCOPES))
        tenant_session.commit()
        pair = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    answer = browse(f"{companies.victim.slug}.localhost").post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {pair}"}
    )
    assert answer.status_code == 401
    assert "access_token" not in answer.get_data(as_text=True)


def test_a_signing_link_opens_at_its_own_company_only(browse: Callable[[str], Client], companies: Companies) -> None:
    with bound(companies.victim):
        session = tenant_session()
        envelope = session.scalars(select(Envelope)).first()
        assert envelope
        person = Signatory(
            envelope_id=envelope.id,
            position=9,
            role=SignatoryRole.BORROWER,
            name=BORROWER,
            reference="x",
            mobile="13800000000",
        )
        session.add(person)
        session.flush()
        token = new_link(session, Actor("管理员", 1), person)
        session.commit()
    path = f"/sign/{token}"
    assert browse(f"{companies.victim.slug}.localhost").get(path).status_code == 200
    for suffix in ("", "/document.pdf"):
        answer = browse(f"{companies.attacker.slug}.localhost").get(path + suffix)
        assert answer.status_code == 404
        assert BORROWER not in answer.get_data(as_text=True)


def test_the_consoles_cookie_opens_no_company_and_a_companys_not_the_console(
    browse: Callable[[str], Client], companies: Companies
) -> None:
    with RegistrySession() as registry:
        add_operator(registry, username="walls", name="运营", password=PASSWORD)
        registry.commit()
    console = browse("console.localhost")
    page = console.get("/login").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    console.post("/login", data={"csrf_token": token[1], "username": "walls", "password": PASSWORD})
    assert console.get("/").status_code == 200
    staff = browse(f"{companies.attacker.slug}.localhost")
    sign_in(staff)
    operators = console.get_cookie("trilend_console", domain="console.localhost")
    companys = staff.get_cookie("trilend_tenant", domain=f"{companies.attacker.slug}.localhost")
    assert operators
    assert companys
    for host, value in (
        (f"{companies.attacker.slug}.localhost", operators.value),
        ("console.localhost", companys.value),
    ):
        replay = browse(host)
        for name in ("trilend_tenant", "trilend_console", "trilend_public", "session"):
            replay.set_cookie(name, value, domain=host)
        assert replay.get("/").status_code == 302, host
        assert "/login" in replay.get("/").location


def test_a_signed_out_cookie_is_of_no_more_use_elsewhere(browse: Callable[[str], Client], companies: Companies) -> None:
    cookie = "eyJfdXNlcl9pZCI6IjEifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
    forged = browse(f"{companies.victim.slug}.localhost")
    forged.set_cookie("trilend_tenant", cookie, domain=f"{companies.victim.slug}.localhost")
    assert forged.get("/customers/").status_code == 302


def test_a_task_with_another_companys_header_does_nothing(companies: Companies) -> None:
    with bound(companies.victim):
        job = enqueue(tenant_session(), "walls.nothing", {})
        tenant_session.flush()
        job_id = job.id
        tenant_session.execute(
            text("UPDATE job SET not_before = now() + interval '1 day' WHERE id = :id"), {"id": job_id}
        )
        tenant_session.info.clear()
        tenant_session.commit()
    assert run_job(companies.attacker.id, job_id) is False
    assert run_job(None, job_id + 1_000_000) is False
    for forged in ("", "nobody", f"{companies.victim.id}' OR '1'='1", companies.victim.schema, companies.victim.slug):
        if forged:
            with pytest.raises(UnknownTenant):
                run_job(forged, job_id)
    with bound(companies.victim):
        row = tenant_session.get_one(Job, job_id)
        assert (row.state, row.attempts) == (JobState.QUEUED, 0)


def test_an_error_of_the_database_tells_no_values(companies: Companies) -> None:
    with bound(companies.attacker), pytest.raises(DBAPIError) as failed:
        tenant_session.execute(text("SELECT CAST(:secret AS integer) FROM nowhere"), {"secret": "1101011990secret"})
    assert "1101011990secret" not in str(failed.value)


def test_the_page_of_a_fault_tells_nothing_of_what_failed(
    browse: Callable[[str], Client], companies: Companies, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = browse(f"{companies.attacker.slug}.localhost")
    sign_in(client)

    def fail(_session: object) -> None:
        raise RuntimeError(f"postgresql://secret@{companies.victim.schema} {BORROWER}")

    monkeypatch.setattr("trilend.app.business_date_and", fail)
    answer = client.get("/customers/")
    assert answer.status_code == 500
    body = answer.get_data(as_text=True)
    for told in ("postgresql://", companies.victim.schema, BORROWER, "Traceback", "RuntimeError", "business_date"):
        assert told not in body


def _access_token(browser: Client, tenant: Any) -> str:
    with bound(tenant):
        client, secret = add_api_client(tenant_session(), Actor("管理员", 1), name="ERP", scopes=tuple(SCOPES))
        tenant_session.commit()
        pair = base64.b64encode(f"{client.client_id}:{secret}".encode()).decode()
    answer = browser.post(
        "/oauth/token", data={"grant_type": "client_credentials"}, headers={"Authorization": f"Basic {pair}"}
    )
    return str(answer.get_json()["access_token"])
