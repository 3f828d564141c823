"""Which addresses are of the public network, whatever they are wrapped in, and those of a host."""

import ipaddress
import socket
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# Addresses that carry one of IPv4 in the last 32 bits: it is that one which would be reached.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
# For translation inside of somebody's own network, with the address of IPv4 wherever its owner likes (RFC 8215).
_LOCAL_TRANSLATION = ipaddress.IPv6Network("64:ff9b:1::/48")


class NotPublic(Exception):
    """An address is private, on this machine, or otherwise none of the public network."""


def is_public(address: str | Address) -> bool:
    """Whether an IP address is one of the public network; one that stands for another counts as that."""
    found = ipaddress.ip_address(address.partition("%")[0]) if isinstance(address, str) else address
    if isinstance(found, ipaddress.IPv6Address):
        inner = _inner(found)
        if inner is not None:
            return is_public(inner)
        if found.is_site_local or found in _LOCAL_TRANSLATION:
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def check(address: str | Address, *, here: bool = False) -> None:
    """Raise `NotPublic`; with `here` this machine counts as public, for who tries things out on it."""
    found = ipaddress.ip_address(address.partition("%")[0]) if isinstance(address, str) else address
    if not is_public(found) and not (here and found.is_loopback):
        raise NotPublic(str(address))


def resolved(host: str, port: int, *, here: bool = False) -> Sequence[str]:
    """The addresses of a host, each of them looked at; raises `NotPublic` if one is not public, `OSError` if there is none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check(address, here=here)
    return addresses


def _inner(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
