"""The company's own OpenID provider, a real one over HTTP: accounts, roles, what is refused, and the way back."""

import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
from flask_appbuilder.security.sqla.models import User
from joserfc.jwk import OctKey, RSAKey
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.flow.access.conftest import Window, back_in_time
from tests.flow.access.provider import OpenIdProvider
from tests.flow.access.test_second_factor import later, set_up

from trilend.access.errors import ProviderFailed
from trilend.access.models import BrowserSession, Provider, ProviderIdentity, SignInMethod, Ticket
from trilend.access.oidc.fetching import is_public
from trilend.access.oidc.protocol import discover
from trilend.config import settings

SECRET = "the secret of this client"
FORM = {
    "label": "青山统一登录",
    "client_secret": SECRET,
    "scopes": "openid profile email",
    "username_claim": "preferred_username",
    "name_claim": "name",
    "email_claim": "email",
    "groups_claim": "groups",
    "group_roles": "信贷部 = Loan officer\n财务部 = Cashier, Auditor",
    "active": "y",
}


def configure(window: Window, provider: OpenIdProvider, client_id: str, **changes: str) -> Any:
    """Set the provider up as its page says."""
    address = f"http://{window.host}:8000/login/company/back"
    provider.register(client_id, SECRET, address)
    assert address in window.get("/sign-in/service").get_data(as_text=True)
    form = FORM | {"issuer": provider.issuer, "client_id": client_id} | changes
    return window.post("/sign-in/service", **{name: value for name, value in form.items() if value})


@pytest.fixture
def admin(window: Callable[[], Window]) -> Window:
    """The administrator's browser."""
    browser = window()
    browser.sign_in("admin")
    return browser


@pytest.fixture
def service(provider: OpenIdProvider, admin: Window, books: Session, company: Any) -> Iterator[OpenIdProvider]:
    """The provider in use by the company, which makes accounts; sound again afterwards."""
    assert configure(admin, provider, company.id, makes_accounts="y").status_code == 302
    yield provider
    provider.faults.clear()
    provider.id_token_has = frozenset()


def go(browser: Window, path: str = "/login/company?next=/customers/") -> str:
    """To the provider and back: the address with which the browser comes back."""
    leaving = browser.get(path)
    assert leaving.status_code == 302
    with httpx.Client(trust_env=False) as outside:
        answer = outside.get(leaving.location)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"].partition(":8000")[2]


def enter(browser: Window) -> Any:
    """Sign in through the provider."""
    return browser.get(go(browser))


def test_a_group_of_the_provider_lets_in_with_its_roles(
    service: OpenIdProvider, window: Callable[[], Window], books: Session
) -> None:
    service.sign_in_as("sub-1", preferred_username="zhao", name="赵敏", email="zhao@example.com", groups=["财务部"])
    browser = window()
    answer = enter(browser)
    assert (answer.status_code, answer.location) == (302, "/customers/")
    assert browser.get("/customers/").status_code == 200
    person = books.scalars(select(User).where(User.username == "zhao")).one()
    assert sorted(role.name for role in person.roles) == ["Auditor", "Cashier"]
    opened = books.scalars(select(BrowserSession).where(BrowserSession.user_id == person.id)).one()
    assert opened.method == SignInMethod.PROVIDER
    # No password: nothing to sign in with but the provider.
    assert window().sign_in("zhao", "").status_code == 422
    assert window().sign_in("zhao", "anything at all").status_code == 401


def test_roles_follow_the_groups_and_others_stay(
    service: OpenIdProvider, window: Callable[[], Window], person: Callable[..., Any], books: Session
) -> None:
    who = person("Approver")
    service.sign_in_as("sub-2", email=who.email, email_verified=True, groups=["信贷部"])
    assert enter(window()).status_code == 302
    books.expire_all()
    assert sorted(role.name for role in who.roles) == ["Approver", "Officer"]
    service.sign_in_as("sub-2", email="changed@example.com", groups=[])
    assert enter(window()).status_code == 302
    books.expire_all()
    assert [role.name for role in who.roles] == ["Approver"]


def test_an_unverified_address_links_nobody(
    service: OpenIdProvider, window: Callable[[], Window], books: Session
) -> None:
    service.sign_in_as("sub-thief", preferred_username="thief", email="admin@example.com", groups=["信贷部"])
    browser = window()
    assert enter(browser).location == "/login/"
    assert not browser.is_in
    assert books.scalars(select(ProviderIdentity).where(ProviderIdentity.subject == "sub-thief")).all() == []
    assert books.scalars(select(User).where(User.username == "thief")).all() == []


def test_without_a_known_group_nobody_gets_in_and_nothing_is_made(
    service: OpenIdProvider, window: Callable[[], Window], books: Session
) -> None:
    service.sign_in_as("sub-3", preferred_username="guest", email="guest@example.com", groups=["访客"])
    browser = window()
    assert enter(browser).location == "/login/"
    assert "no account here yet" in browser.get("/login/").get_data(as_text=True)
    assert not browser.is_in
    assert books.scalars(select(User).where(User.username == "guest")).all() == []


def test_accounts_are_made_only_where_the_company_wants_it(
    service: OpenIdProvider, admin: Window, window: Callable[[], Window], books: Session, company: Any
) -> None:
    configure(admin, service, company.id, makes_accounts="")
    service.sign_in_as("sub-4", preferred_username="new", email="new@example.com", groups=["信贷部"])
    assert enter(window()).location == "/login/"
    assert books.scalars(select(User).where(User.username == "new")).all() == []


def test_the_claims_may_come_with_the_identity_token(service: OpenIdProvider, window: Callable[[], Window]) -> None:
    service.id_token_has = frozenset({"preferred_username", "name", "email", "groups"})
    service.sign_in_as("sub-5", preferred_username="tok", name="唐", email="tok@example.com", groups=["信贷部"])
    assert enter(window()).location == "/customers/"


_OTHER_KEY = RSAKey.generate_key(2048, {"kid": "key-of-the-provider"})
_FORGED: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "another program": {"aud": "somebody-else"},
    "meant for two": {"aud": None, "azp": "somebody-else"},
    "another attempt": {"nonce": "of another attempt"},
    "run out": {"exp": 1_700_000_000},
    "no nonce": {"nonce": None},
    "another key": {"key": _OTHER_KEY},
    "signed with the secret": {"alg": "HS256", "key": OctKey.import_key(SECRET)},
    "not signed": {"alg": "none", "key": None},
    "somebody else": {"sub": "sub-of-somebody-else"},
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("fault", _FORGED)
def test_a_forged_identity_token_lets_nobody_in(
    service: OpenIdProvider, window: Callable[[], Window], company: Any, books: Session, fault: str
) -> None:
    service.sign_in_as("sub-6", preferred_username="mo", name="莫", email="mo@example.com", groups=["信贷部"])
    wrong = dict(_FORGED[fault])
    if fault == "meant for two":
        wrong["aud"] = [company.id, "somebody-else"]
    service.faults = wrong
    browser = window()
    before = len(books.scalars(select(BrowserSession)).all())
    assert enter(browser).location == "/login/"
    assert not browser.is_in
    books.expire_all()
    assert len(books.scalars(select(BrowserSession)).all()) == before
    assert books.scalars(select(User).where(User.username == "mo")).all() == []


def test_a_return_is_good_once_and_for_its_own_browser(
    service: OpenIdProvider, window: Callable[[], Window], books: Session
) -> None:
    service.sign_in_as("sub-1", preferred_username="zhao", name="赵敏", email="zhao@example.com", groups=["财务部"])
    browser, victim = window(), window()
    address = go(browser)
    # Somebody is lured to follow the attacker's return address: another browser than the one that asked.
    assert victim.get(address).location == "/login/"
    assert not victim.is_in
    # The attempt was not used up by that.
    assert browser.get(address).location == "/customers/"
    browser.get("/logout/")
    assert browser.get(address).location == "/login/"
    assert not browser.is_in
    stale = go(browser)
    back_in_time(books, Ticket.expires_at, 0.5, Ticket.purpose == "provider")
    assert browser.get(stale).location == "/login/"
    assert not browser.is_in


def test_a_code_or_state_of_one_company_is_refused_in_another(
    service: OpenIdProvider, window: Callable[[], Window], application: Any, tenant: Any
) -> None:
    """Both companies use the same provider; the attacker is a stranger in the second one."""
    other = Window(application, f"{tenant.slug}.localhost")
    other.sign_in("admin")
    assert configure(other, service, tenant.id, makes_accounts="y").status_code == 302
    other.get("/logout/")
    service.sign_in_as("sub-7", preferred_username="wu", name="吴", email="wu@example.com", groups=["信贷部"])
    browser = window()
    address = go(browser)
    # The same address at the other company's host, with an attempt of its own under way.
    own = go(other)
    assert other.get(address).location == "/login/"
    assert not other.is_in
    # Its own state with the first company's code: the provider gives nothing for it.
    code = address.partition("code=")[2].partition("&")[0]
    own = go(other)
    mixed = own.replace(own.partition("code=")[2].partition("&")[0], code)
    assert other.get(mixed).location == "/login/"
    assert not other.is_in
    assert browser.get(address).location == "/customers/"


def test_an_identity_token_of_one_company_is_refused_in_another(
    service: OpenIdProvider, application: Any, tenant: Any, company: Any
) -> None:
    other = Window(application, f"{tenant.slug}.localhost")
    other.sign_in("admin")
    configure(other, service, tenant.id, makes_accounts="y")
    other.get("/logout/")
    service.sign_in_as("sub-8", preferred_username="xu", name="徐", email="xu@example.com", groups=["信贷部"])
    service.faults = {"aud": company.id}
    assert enter(other).location == "/login/"
    assert not other.is_in


def test_the_secret_is_sealed_and_never_shown(
    service: OpenIdProvider, admin: Window, installation: Any, company: Any, books: Session
) -> None:
    assert SECRET not in admin.get("/sign-in/service").get_data(as_text=True)
    with psycopg.connect(installation.database.superuser_url) as superuser:
        raw = superuser.execute(
            f"SELECT client_secret::text FROM {company.schema}.sign_in_provider".encode()
        ).fetchone()
        log = superuser.execute(f"SELECT details::text, changes::text FROM {company.schema}.audit_entry".encode())
        assert SECRET not in str(log.fetchall())
    assert raw
    assert SECRET.encode().hex() not in raw[0]
    # Left empty, the one there is stays.
    configure(admin, service, company.id, client_secret="", makes_accounts="y")
    assert books.get_one(Provider, 1).client_secret == SECRET


def test_tokens_are_kept_nowhere(
    service: OpenIdProvider, window: Callable[[], Window], installation: Any, company: Any
) -> None:
    service.sign_in_as("sub-1", preferred_username="zhao", name="赵敏", email="zhao@example.com", groups=["财务部"])
    browser = window()
    enter(browser)
    issued = list(service.tokens)[-1]
    with psycopg.connect(installation.database.superuser_url) as superuser:
        tables = superuser.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", (company.schema,)
        ).fetchall()
        dump = "".join(
            str(superuser.execute(f'SELECT t::text FROM {company.schema}."{name}" AS t'.encode()).fetchall())
            for (name,) in tables
        )
    cookie = browser.client.get_cookie("trilend_tenant", domain=browser.host)
    assert cookie
    assert issued not in dump + cookie.value


def test_passwords_go_off_only_with_a_way_back(
    provider: OpenIdProvider,
    new_tenant: Callable[..., Any],
    application: Any,
) -> None:
    company = new_tenant(name="绿水小额贷款有限公司")
    host = f"{company.slug}.localhost"
    admin, rules = Window(application, host), {"second_factor": "optional", "grace_days": 0, "idle_minutes": 60}
    rules |= {"session_hours": 8, "password_length": 12}
    admin.sign_in("admin")
    configure(admin, provider, company.id, makes_accounts="y", group_roles="管理 = Administrator")
    refused = admin.post("/sign-in/rules", **rules)
    assert (refused.status_code, "Sign in once through" in refused.get_data(as_text=True)) == (422, True)
    provider.sign_in_as("boss", preferred_username="boss", name="老板", email="boss@example.com", groups=["管理"])
    boss = Window(application, host)
    assert enter(boss).status_code == 302
    refused = admin.post("/sign-in/rules", **rules)
    assert (refused.status_code, "needs a second factor first" in refused.get_data(as_text=True)) == (422, True)
    app, _ = set_up(admin)
    assert admin.post("/sign-in/rules", **rules).status_code == 302

    # The way back stays: the first administrator with password and second factor, and nobody may take it away.
    admin.get("/logout/")
    assert admin.sign_in("admin").location == "/login/second"
    assert admin.post("/login/second", code=later(app)).status_code == 302
    assert admin.post("/account/app/remove").status_code in (303, 409)
    assert admin.get("/account/").get_data(as_text=True).count("In use") == 1
    unused = configure(admin, provider, company.id, active="")
    assert (unused.status_code, "Allow them again" in unused.get_data(as_text=True)) == (422, True)
    # Groups never take the last way in from the first administrator either.
    provider.sign_in_as("adm", email="admin@example.com", email_verified=True, groups=[])
    again = Window(application, host)
    assert enter(again).status_code == 302
    assert again.get("/sign-in/").status_code == 200


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        *((address, False) for address in ("127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254")),
        *((address, False) for address in ("100.64.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "fd00::1")),
        *((address, False) for address in ("::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::")),
    ],
)
def test_private_addresses_are_known(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.fixture
def as_in_production(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An installation that runs no sandboxes."""
    monkeypatch.setenv("TRILEND_ALLOW_LOOPBACK_EGRESS", "false")
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_nothing_is_fetched_from_this_machine_in_production(as_in_production: None, host: str) -> None:
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    with socket.create_server((host.strip("[]"), 0), family=family) as listening:
        listening.settimeout(0.3)
        port = listening.getsockname()[1]
        with pytest.raises(ProviderFailed) as refused:
            discover(f"https://{host}:{port}")
        assert "not a public one" in str(refused.value)
        with pytest.raises(ProviderFailed):
            discover(f"http://{host}:{port}")
        with pytest.raises(TimeoutError):
            listening.accept()


def test_a_redirect_is_not_followed_and_a_huge_answer_is_not_read(installation: Any) -> None:
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path.startswith("/moved"):
                self.send_response(302)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(64):
                    self.wfile.write(b" " * 65536)
            except OSError:
                asked.append("broken off")

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        for path in ("/moved", "/huge"):
            with pytest.raises(ProviderFailed):
                discover(f"http://127.0.0.1:{server.server_port}{path}")
    finally:
        server.shutdown()
        server.server_close()
    assert "/elsewhere" not in asked
