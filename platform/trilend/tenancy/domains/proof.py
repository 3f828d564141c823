"""Asks the DNS whether the owner of a name has published a tenant's record."""

from enum import StrEnum

import dns.exception
import dns.resolver

from trilend.config import settings

PREFIX = "_trilend"
_SECONDS = 5.0


class Proof(StrEnum):
    """What the DNS said: the record is there; it is another one; there is none; or nobody answered."""

    THERE = "there"
    OTHER = "other"
    NONE = "none"
    NO_ANSWER = "no_answer"


def record_name(host: str) -> str:
    """Where the record is published."""
    return f"{PREFIX}.{host}"


def record_text(token: str) -> str:
    """What the record says."""
    return f"trilend-domain={token}"


def look_up(host: str, token: str) -> Proof:
    """Ask for the TXT record of a claim; never raises for what a name server does."""
    try:
        answer = _resolver().resolve(f"{record_name(host)}.", "TXT", lifetime=_SECONDS)
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return Proof.NONE
    except dns.exception.DNSException:
        return Proof.NO_ANSWER
    texts = {b"".join(row.strings).decode("utf-8", "replace").strip() for row in answer}
    return Proof.THERE if record_text(token) in texts else Proof.OTHER


def _resolver() -> dns.resolver.Resolver:
    address = settings().dns_resolver
    if not address:
        return dns.resolver.Resolver()
    server, _, port = address.rpartition(":") if address.count(":") == 1 else (address, "", "53")
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = [server.strip("[]")]
    resolver.port = int(port)
    return resolver
