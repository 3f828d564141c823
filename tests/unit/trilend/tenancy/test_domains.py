"""A domain is served only to whoever proves it in the DNS, and only as long as the proof is there."""

import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from tests.conftest import PASSWORD
from tests.dns_server import NameServer, name_server
from werkzeug.test import Client

from trilend.company.watch import CHECK_DOMAINS
from trilend.config import settings
from trilend.db.base import now
from trilend.jobs.models import JobState, RegistryJob
from trilend.jobs.rounds import begin_rounds
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.domains.errors import (
    DomainClaimed,
    DomainNotProved,
    InvalidDomain,
    TooManyDomains,
    UnknownDomain,
)
from trilend.tenancy.domains.models import Domain, DomainState
from trilend.tenancy.domains.names import check_host, shown_host
from trilend.tenancy.domains.service import (
    MISSES_UNTIL_LOST,
    MOST,
    check_domain,
    choose_domain,
    claim_domain,
    give_up_domain,
)
from trilend.tenancy.service import forget_tenants, tenant_by_id


@pytest.fixture
def dns(installation: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    with name_server() as server:
        monkeypatch.setenv("TRILEND_DNS_RESOLVER", server.address)
        settings.cache_clear()
        yield server
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def host() -> str:
    return f"loans-{secrets.token_hex(4)}.qingshan.cn"


def claim(tenant: Any, host: str) -> tuple[int, str]:
    with RegistrySession() as registry:
        domain = claim_domain(registry, tenant.id, host)
        registry.commit()
        return domain.id, domain.token


def check(tenant: Any, domain_id: int) -> tuple[str, str]:
    with RegistrySession() as registry:
        domain = check_domain(registry, tenant.id, domain_id)
        forget_tenants()
        return str(domain.state), domain.note


def publish(dns: NameServer, host: str, *tokens: str) -> None:
    dns.texts[f"_trilend.{host}"] = [f"trilend-domain={token}" for token in tokens]


def prove(dns: NameServer, tenant: Any, host: str) -> int:
    domain_id, token = claim(tenant, host)
    publish(dns, host, token)
    assert check(tenant, domain_id) == ("verified", "there")
    return domain_id


def choose(tenant: Any, domain_id: int | None) -> None:
    with RegistrySession() as registry:
        choose_domain(registry, tenant.id, domain_id)
        registry.commit()


@pytest.mark.parametrize(
    ("entered", "kept"),
    [
        ("Loans.QingShan.CN.", "loans.qingshan.cn"),
        ("  loans。青山。cn ", "loans.xn--rht138k.cn"),
        ("ｌｏａｎｓ.example.cn", "loans.example.cn"),
        ("a-1.b.cn", "a-1.b.cn"),
    ],
)
def test_a_name_is_kept_in_one_form(installation: Any, entered: str, kept: str) -> None:
    assert check_host(entered) == kept
    assert check_host(shown_host(kept)) == kept


@pytest.mark.parametrize(
    "entered",
    [
        "", "cn", "localhost", "shop.localhost", "a.b.localhost", "127.0.0.1", "[::1]", "1.2", "https://loans.cn", "loans.cn/x",
        "loans.cn:8000", "me@loans.cn", "a..cn", "-a.cn", "a_b.cn", "bank.test", "x.local", "раураl.cn", "раура1.cn",
        "pаypal.cn", "青山bank.cn", "αβγ.cn", "loans.example", "a" * 64 + ".cn", ".".join(["a" * 60] * 5) + ".cn",
        "xn--80ak6aa92e.cn", "loans.cn\0", "loans .cn",
    ],
)  # fmt: skip
def test_names_that_nobody_may_claim_are_refused(tenant: Any, entered: str) -> None:
    with RegistrySession() as registry, pytest.raises(InvalidDomain):
        claim_domain(registry, tenant.id, entered)
    with RegistrySession() as registry:
        assert registry.scalar(select(func.count()).where(Domain.tenant_id == tenant.id)) == 0


def test_a_proved_domain_is_served_with_cookies_of_its_own(
    dns: NameServer, tenant: Any, host: str, browse: Callable[[str], Client]
) -> None:
    import re

    domain_id, token = claim(tenant, host)
    assert browse(host).get("/login/").status_code == 404
    assert check(tenant, domain_id) == ("pending", "none")
    publish(dns, host, "somebody else's")
    assert check(tenant, domain_id) == ("pending", "other")
    publish(dns, host, "another record", token)
    assert check(tenant, domain_id) == ("verified", "there")

    client = browse(host)
    page = client.get("/login/")
    assert page.status_code == 200
    assert tenant.name in page.get_data(as_text=True)
    assert "Domain=" not in page.headers["Set-Cookie"]
    form = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.get_data(as_text=True))
    assert form
    client.post("/login/", data={"csrf_token": form[1], "username": "admin", "password": PASSWORD})
    assert client.get("/customers/").status_code == 200
    assert browse(f"{tenant.slug}.localhost").get("/customers/").status_code == 302
    assert browse(f"www.{host}").get("/login/").status_code == 404


def test_looking_a_host_up_costs_one_query_in_five_seconds(
    dns: NameServer, tenant: Any, host: str, browse: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    prove(dns, tenant, host)
    opened: list[int] = []
    original = RegistrySession.__init__

    def count(self: Any) -> None:
        opened.append(1)
        original(self)

    monkeypatch.setattr(RegistrySession, "__init__", count)
    for name in (host, "nobody-has-this.cn"):
        forget_tenants()
        opened.clear()
        for _ in range(5):
            browse(name).get("/static/none.css")
        assert len(opened) == 1, name


def test_many_may_claim_a_name_but_only_its_owner_proves_it(
    dns: NameServer, tenant: Any, new_tenant: Callable[..., Any], host: str, browse: Callable[[str], Client]
) -> None:
    squatter = new_tenant(name="占位小额贷款有限公司")
    squat, _ = claim(squatter, host)
    prove(dns, tenant, host)

    assert check(squatter, squat) == ("pending", "other")
    assert tenant.name in browse(host).get("/login/").get_data(as_text=True)


def test_a_proved_name_is_not_taken_over_while_its_proof_is_there(
    dns: NameServer, tenant: Any, new_tenant: Callable[..., Any], host: str, browse: Callable[[str], Client]
) -> None:
    mine = prove(dns, tenant, host)
    other = new_tenant(name="后来小额贷款有限公司")
    theirs, their_token = claim(other, host)
    with RegistrySession() as registry:
        my_token = registry.get_one(Domain, mine).token
    publish(dns, host, my_token, their_token)

    assert check(other, theirs) == ("pending", "taken")
    assert tenant.name in browse(host).get("/login/").get_data(as_text=True)

    publish(dns, host, their_token)
    assert check(other, theirs) == ("verified", "there")
    assert other.name in browse(host).get("/login/").get_data(as_text=True)
    with RegistrySession() as registry:
        assert registry.get_one(Domain, mine).state == DomainState.LOST


def test_of_two_who_prove_at_the_same_time_one_gets_it(
    dns: NameServer, new_tenant: Callable[..., Any], host: str
) -> None:
    tenants = [new_tenant() for _ in range(3)]
    claims = [claim(each, host) for each in tenants]
    publish(dns, host, *(token for _, token in claims))
    barrier = threading.Barrier(3)
    outcomes: list[str] = []

    def attempt(tenant: Any, domain_id: int) -> None:
        barrier.wait()
        outcomes.append(check(tenant, domain_id)[0])

    threads = [
        threading.Thread(target=attempt, args=(each, made[0])) for each, made in zip(tenants, claims, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["pending", "pending", "verified"]


def test_a_domain_that_loses_its_record_falls_back(
    dns: NameServer, tenant: Any, host: str, browse: Callable[[str], Client]
) -> None:
    domain_id = prove(dns, tenant, host)
    choose(tenant, domain_id)
    assert tenant_by_id(tenant.id).url == f"http://{host}:8000"
    del dns.texts[f"_trilend.{host}"]

    for _ in range(MISSES_UNTIL_LOST - 1):
        assert check(tenant, domain_id)[0] == "verified"
    assert browse(host).get("/login/").status_code == 200
    assert check(tenant, domain_id) == ("lost", "none")

    assert browse(host).get("/login/").status_code == 404
    assert browse(f"{tenant.slug}.localhost").get("/login/").status_code == 200
    assert tenant_by_id(tenant.id).url == f"http://{tenant.slug}.localhost:8000"


def test_name_servers_that_do_not_answer_take_nothing_away(dns: NameServer, tenant: Any, host: str) -> None:
    domain_id = prove(dns, tenant, host)
    dns.broken = True

    for _ in range(MISSES_UNTIL_LOST + 1):
        assert check(tenant, domain_id) == ("verified", "no_answer")


def test_links_lead_only_to_a_proved_domain(dns: NameServer, tenant: Any, host: str) -> None:
    domain_id, _ = claim(tenant, host)
    with pytest.raises(DomainNotProved):
        choose(tenant, domain_id)
    assert tenant_by_id(tenant.id).host == ""


def test_a_domain_of_one_tenant_is_unknown_to_another(
    dns: NameServer, tenant: Any, new_tenant: Callable[..., Any], host: str
) -> None:
    domain_id = prove(dns, tenant, host)
    other = new_tenant()
    with RegistrySession() as registry:
        for act in (check_domain, choose_domain, give_up_domain):
            with pytest.raises(UnknownDomain):
                act(registry, other.id, domain_id)
    with RegistrySession() as registry:
        assert registry.get_one(Domain, domain_id).state == DomainState.VERIFIED


def test_what_is_given_up_is_not_served(
    dns: NameServer, tenant: Any, host: str, browse: Callable[[str], Client]
) -> None:
    domain_id = prove(dns, tenant, host)
    choose(tenant, domain_id)
    with RegistrySession() as registry:
        give_up_domain(registry, tenant.id, domain_id)
        registry.commit()
    forget_tenants()

    assert browse(host).get("/login/").status_code == 404
    assert tenant_by_id(tenant.id).host == ""


def test_the_same_name_is_claimed_once_and_not_too_many(tenant: Any, host: str) -> None:
    claim(tenant, host)
    with RegistrySession() as registry, pytest.raises(DomainClaimed):
        claim_domain(registry, tenant.id, host.upper())
    for number in range(MOST - 1):
        claim(tenant, f"n{number}-{host}")
    with RegistrySession() as registry, pytest.raises(TooManyDomains):
        claim_domain(registry, tenant.id, f"more-{host}")


def test_the_job_looks_at_what_is_due_and_at_nothing_else(
    dns: NameServer, tenant: Any, host: str, run_jobs: Callable[[], int]
) -> None:
    domain_id, token = claim(tenant, host)
    resting, _ = claim(tenant, f"resting-{host}")
    with RegistrySession() as registry:
        later = func.now() + timedelta(hours=1)
        registry.execute(update(Domain).where(Domain.id == resting).values(next_check_at=later))
        registry.commit()
    publish(dns, host, token)

    begin_rounds(now() + timedelta(hours=1))
    begin_rounds(now() + timedelta(hours=2))
    with RegistrySession() as registry:
        waiting = select(func.count()).where(RegistryJob.name == CHECK_DOMAINS, RegistryJob.state == JobState.QUEUED)
        assert registry.scalar(waiting) == 1
    run_jobs()

    with RegistrySession() as registry:
        proved, waits = registry.get_one(Domain, domain_id), registry.get_one(Domain, resting)
        assert (proved.state, waits.state, waits.checked_at) == (DomainState.VERIFIED, DomainState.PENDING, None)
        assert proved.next_check_at > proved.checked_at + timedelta(hours=11)
