"""Which addresses the platform may be led to by somebody who names a host."""

import pytest

from trilend.outward.addresses import NotPublic, check, is_public, resolved


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1", "223.5.5.5", "8.8.8.8", "2606:4700::1111", "2400:3200::1", "64:ff9b::101:101", "::ffff:1.1.1.1",
    ],
)  # fmt: skip
def test_addresses_of_the_public_network_are_public(address: str) -> None:
    assert is_public(address)
    check(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
        "224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1",
        "fec0::1", "ff0e::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1", "64:ff9b:1:a00:0:100:808:808",
        "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::",
    ],
)  # fmt: skip
def test_all_others_are_not(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(NotPublic):
        check(address)


def test_this_machine_alone_is_opened_to_who_tries_things_out_on_it() -> None:
    check("127.0.0.1", here=True)
    check("::1", here=True)
    for address in ("10.0.0.1", "169.254.169.254", "fe80::1"):
        with pytest.raises(NotPublic):
            check(address, here=True)
    assert "127.0.0.1" in resolved("localhost", 443, here=True)
    with pytest.raises(NotPublic):
        resolved("localhost", 443)
