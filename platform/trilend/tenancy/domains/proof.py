"""Asks the DNS, or the host itself, whether the owner of a name has published what proves a tenant's claim."""

from enum import StrEnum

import dns.exception
import dns.resolver

from trilend.config import settings
from trilend.tenancy.domains.fetching import Fetched, NoAnswer, NoHost, NotPublic, fetch
from trilend.tenancy.domains.models import Method

PREFIX = "_trilend"
FILE_PATH = "/.well-known/trilend-domain.txt"
_SECONDS = 5.0


class Proof(StrEnum):
    """What was found: the proof is there; it is another one; there is none; or nobody answered.

    Of a host that is asked for a file: it leads into a private network, or elsewhere, neither of which is a proof.
    """

    THERE = "there"
    OTHER = "other"
    NONE = "none"
    NO_ANSWER = "no_answer"
    PRIVATE = "private"
    REDIRECTED = "redirected"


GONE = frozenset(Proof) - {Proof.THERE, Proof.NO_ANSWER}
"""What says for certain that the proof is not there."""


def record_name(host: str) -> str:
    """Where the record is published."""
    return f"{PREFIX}.{host}"


def record_text(token: str) -> str:
    """What the record says, or the file."""
    return f"trilend-domain={token}"


def file_url(host: str) -> str:
    """Where the file is published; at another port only where the platform itself is at one."""
    return f"http://{host}{_port_shown()}{FILE_PATH}"


def look_up(host: str, token: str, method: Method = Method.RECORD) -> Proof:
    """Look for the proof of a claim; never raises for what a name server or the host does."""
    return _look_for_file(host, token) if method == Method.FILE else _look_for_record(host, token)


def _look_for_record(host: str, token: str) -> Proof:
    try:
        answer = _resolver().resolve(f"{record_name(host)}.", "TXT", lifetime=_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return Proof.NONE
    except dns.exception.DNSException:
        return Proof.NO_ANSWER
    texts = {b"".join(row.strings).decode("utf-8", "replace").strip() for row in answer}
    return Proof.THERE if record_text(token) in texts else Proof.OTHER


def _look_for_file(host: str, token: str) -> Proof:
    """By HTTP, and by HTTPS where the host answers nothing else: many send all there, the platform's ingress too."""
    found = _ask("http", host, settings().public_port or 80, token)
    if found in (Proof.REDIRECTED, Proof.NO_ANSWER) and settings().public_port is None:
        # Where this side says nothing, for want of a certificate perhaps, nothing is taken away either.
        return _ask("https", host, 443, token)
    return found


def _ask(scheme: str, host: str, port: int, token: str) -> Proof:
    try:
        return _judged(fetch(_resolver(), scheme, host, port, FILE_PATH), token)
    except NotPublic:
        return Proof.PRIVATE
    except NoHost:
        return Proof.NONE
    except NoAnswer:
        return Proof.NO_ANSWER


def _judged(answer: Fetched, token: str) -> Proof:
    if answer.redirects:
        return Proof.REDIRECTED
    if answer.status >= 500 or answer.status == 429:
        return Proof.NO_ANSWER
    if answer.status != 200:
        return Proof.NONE
    lines = {line.strip() for line in answer.content.decode("utf-8", "replace").splitlines()}
    return Proof.THERE if record_text(token) in lines else Proof.OTHER


def _port_shown() -> str:
    port = settings().public_port
    return f":{port}" if port else ""


def _resolver() -> dns.resolver.Resolver:
    address = settings().dns_resolver
    if not address:
        return dns.resolver.Resolver()
    server, _, port = address.rpartition(":") if address.count(":") == 1 else (address, "", "53")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [server.strip("[]")]
    resolver.port = int(port)
    return resolver
