"""A domain may be proved by a file on its web server, which is fetched from the public network and nowhere else."""

import ipaddress
import re
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.conftest import PASSWORD
from tests.dns_server import NameServer, name_server
from werkzeug.test import Client

from trilend.config import settings
from trilend.tenancy.context import RegistrySession
from trilend.tenancy.domains import fetching
from trilend.tenancy.domains.models import Domain, DomainState, Method
from trilend.tenancy.domains.proof import FILE_PATH
from trilend.tenancy.domains.service import MISSES_UNTIL_LOST, check_domain, claim_domain
from trilend.tenancy.service import forget_tenants


class WebServer(ThreadingHTTPServer):
    """The web server of whoever owns a domain: hands out what a test says, and remembers who asked for what."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[tuple[str, str]] = []
        self.slowly = 0.0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server_address[1])

    def publish(self, host: str, content: bytes, status: int = 200, **headers: str) -> None:
        """Answer so under this name."""
        self.answers[host] = (status, content, headers)


class _Answering(BaseHTTPRequestHandler):
    server: WebServer

    def do_GET(self) -> None:
        """Answer by the name that was asked for."""
        host = self.headers["Host"].partition(":")[0]
        self.server.asked.append((host, self.path))
        status, content, headers = self.server.answers.get(host, (404, b"", {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for at in range(0, len(content), 512):
                self.wfile.write(content[at : at + 512])
                self.wfile.flush()
                time.sleep(self.server.slowly)
        except OSError:
            # Who asked has read enough.
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dns(installation: Any, web: WebServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[NameServer]:
    """A name server, and a platform whose public port is the web server's."""
    with name_server() as server:
        monkeypatch.setenv("TRILEND_DNS_RESOLVER", server.address)
        monkeypatch.setenv("TRILEND_BASE_URL", f"http://localhost:{web.port}")
        settings.cache_clear()
        yield server
    monkeypatch.undo()
    settings.cache_clear()


@pytest.fixture
def strict(dns: NameServer, monkeypatch: pytest.MonkeyPatch) -> NameServer:
    """The same, as in production: this machine is out of reach."""
    monkeypatch.setenv("TRILEND_ALLOW_LOOPBACK_EGRESS", "false")
    settings.cache_clear()
    return dns


@pytest.fixture
def host(dns: NameServer) -> str:
    name = f"loans-{secrets.token_hex(4)}.qingshan.cn"
    dns.addresses[name] = ["127.0.0.1"]
    return name


def claim(tenant: Any, host: str) -> tuple[int, bytes]:
    with RegistrySession() as registry:
        domain = claim_domain(registry, tenant.id, host, Method.FILE)
        registry.commit()
        return domain.id, f"trilend-domain={domain.token}\n".encode()


def check(tenant: Any, domain_id: int) -> tuple[str, str]:
    with RegistrySession() as registry:
        domain = check_domain(registry, tenant.id, domain_id)
        forget_tenants()
        return str(domain.state), domain.note


def test_the_file_with_the_token_proves_the_domain(
    dns: NameServer, web: WebServer, tenant: Any, host: str, browse: Callable[[str], Client]
) -> None:
    domain_id, content = claim(tenant, host)
    assert check(tenant, domain_id) == ("pending", "none")
    web.publish(host, b"trilend-domain=somebody else's\n")
    assert check(tenant, domain_id) == ("pending", "other")
    assert browse(host).get("/login/").status_code == 404
    web.publish(host, b"# ours\r\n" + content)
    assert check(tenant, domain_id) == ("verified", "there")

    assert set(web.asked) == {(host, FILE_PATH)}
    assert tenant.name in browse(host).get("/login/").get_data(as_text=True)


def test_the_platform_hands_the_file_out_for_who_has_the_domain_and_for_nobody_else(
    dns: NameServer,
    web: WebServer,
    tenant: Any,
    new_tenant: Callable[..., Any],
    host: str,
    browse: Callable[..., Client],
) -> None:
    squatter = new_tenant(name="占位小额贷款有限公司")
    claim(squatter, host)
    assert browse(host).get(FILE_PATH).status_code == 404
    domain_id, content = claim(tenant, host)
    web.publish(host, content)
    check(tenant, domain_id)

    assert browse(host).get(FILE_PATH).data == content
    assert browse(f"{tenant.slug}.localhost").get(FILE_PATH).status_code == 404
    assert browse(f"{squatter.slug}.localhost").get(FILE_PATH).status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.7", "172.16.9.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.1.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::1",
    ],
)  # fmt: skip
def test_a_domain_that_leads_into_a_network_of_ours_is_not_asked(
    strict: NameServer, web: WebServer, tenant: Any, host: str, address: str
) -> None:
    domain_id, content = claim(tenant, host)
    web.publish(host, content)
    strict.addresses[host] = [address]
    assert check(tenant, domain_id) == ("pending", "private")
    # One public address beside it makes it no better.
    strict.addresses[host] = ["1.1.1.1", address] if ":" not in address else ["1.1.1.1", "2606:4700::1", address]
    assert check(tenant, domain_id) == ("pending", "private")
    assert web.asked == []


def test_only_this_machine_is_opened_to_who_tries_out(dns: NameServer, web: WebServer, tenant: Any, host: str) -> None:
    domain_id, _ = claim(tenant, host)
    dns.addresses[host] = ["10.0.0.7"]
    assert check(tenant, domain_id) == ("pending", "private")


def test_a_peer_that_is_not_public_is_refused_after_the_connection_too(
    strict: NameServer, web: WebServer, tenant: Any, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name says a public address; the network leads to this machine all the same, as a rewriting router might."""
    domain_id, content = claim(tenant, host)
    web.publish(host, content)
    strict.addresses[host] = ["1.1.1.1"]
    original = socket.create_connection

    def led_astray(address: Any, *args: Any, **options: Any) -> socket.socket:
        assert address[0] == "1.1.1.1"
        return original(("127.0.0.1", web.port), *args, **options)

    monkeypatch.setattr(socket, "create_connection", led_astray)
    assert check(tenant, domain_id) == ("pending", "private")
    assert web.asked == []


def test_a_redirect_is_not_followed(dns: NameServer, web: WebServer, tenant: Any, host: str) -> None:
    domain_id, content = claim(tenant, host)
    elsewhere = f"elsewhere-{host}"
    dns.addresses[elsewhere] = ["127.0.0.1"]
    web.publish(elsewhere, content)
    web.publish(host, b"", 302, Location=f"http://{elsewhere}:{web.port}{FILE_PATH}")

    assert check(tenant, domain_id) == ("pending", "redirected")
    assert {name for name, _ in web.asked} == {host}


def test_what_is_too_long_is_cut_and_what_takes_too_long_is_left(
    dns: NameServer, web: WebServer, tenant: Any, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    domain_id, content = claim(tenant, host)
    web.publish(host, b"x\n" * fetching.MOST_BYTES + content)
    assert check(tenant, domain_id) == ("pending", "other")

    monkeypatch.setattr(fetching, "SECONDS", 0.6)
    web.slowly = 0.3
    began = time.monotonic()
    assert check(tenant, domain_id) == ("pending", "no_answer")
    assert time.monotonic() - began < 2


def test_the_watch_takes_a_domain_whose_file_is_gone_and_none_whose_server_rests(
    dns: NameServer, web: WebServer, tenant: Any, host: str
) -> None:
    domain_id, content = claim(tenant, host)
    web.publish(host, content)
    assert check(tenant, domain_id)[0] == "verified"
    web.publish(host, b"", 503)
    for _ in range(MISSES_UNTIL_LOST):
        assert check(tenant, domain_id) == ("verified", "no_answer")
    web.answers.clear()
    for _ in range(MISSES_UNTIL_LOST - 1):
        assert check(tenant, domain_id) == ("verified", "none")
    assert check(tenant, domain_id) == ("lost", "none")


def test_a_name_changes_hands_when_the_new_owners_file_is_there_and_the_old_record_is_not(
    dns: NameServer, web: WebServer, tenant: Any, new_tenant: Callable[..., Any], host: str
) -> None:
    with RegistrySession() as registry:
        old = claim_domain(registry, tenant.id, host)
        registry.commit()
        old_id, record = old.id, f"trilend-domain={old.token}"
    dns.texts[f"_trilend.{host}"] = [record]
    assert check(tenant, old_id) == ("verified", "there")
    other = new_tenant(name="后来小额贷款有限公司")
    new_id, content = claim(other, host)
    web.publish(host, content)

    assert check(other, new_id) == ("pending", "taken")
    del dns.texts[f"_trilend.{host}"]
    assert check(other, new_id) == ("verified", "there")
    with RegistrySession() as registry:
        assert registry.get_one(Domain, old_id).state == DomainState.LOST


def test_the_page_offers_both_ways_and_gives_the_file(
    dns: NameServer, web: WebServer, tenant: Any, host: str, browse: Callable[[str], Client]
) -> None:
    client = browse(f"{tenant.slug}.localhost")
    page = client.get("/login/?lang=en").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    client.post("/login/", data={"csrf_token": token[1], "username": "admin", "password": PASSWORD})
    page = client.get("/company/domains").get_data(as_text=True)
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert token
    client.post("/company/domains/claim", data={"csrf_token": token[1], "host": host, "method": "file"})
    page = client.get("/company/domains").get_data(as_text=True)
    assert f"http://{host}:{web.port}{FILE_PATH}" in page
    file = re.search(r'href="(/company/domains/\d+/file)"', page)
    assert file
    web.publish(host, client.get(file[1]).data)
    act = file[1].removesuffix("file")
    client.post(f"{act}method", data={"csrf_token": token[1], "method": "record"})
    assert "_trilend." in client.get("/company/domains").get_data(as_text=True)
    client.post(f"{act}method", data={"csrf_token": token[1], "method": "file"})
    assert client.post(f"{act}method", data={"csrf_token": token[1], "method": "goodwill"}).status_code == 400
    client.post(f"{act}check", data={"csrf_token": token[1]})

    assert "The file is there." in client.get("/company/domains").get_data(as_text=True)


def test_addresses_of_the_public_network_are_public() -> None:
    for address in ("1.1.1.1", "223.5.5.5", "2606:4700::1", "2400:3200::1", "64:ff9b::101:101", "::ffff:1.1.1.1"):
        assert fetching.is_public(ipaddress.ip_address(address)), address
