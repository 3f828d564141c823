"""Poppler, another implementation, agrees: it validates what the plugin signs and rejects what was changed after."""

import pytest

from .conftest import COMPANY, Poppler, Tenant

VALID = "Signature is Valid."
TRUSTED = "Certificate is Trusted."


def test_both_signatures_are_valid_and_trusted(poppler: Poppler, countersigned: bytes) -> None:
    company, person = poppler.verify(countersigned)

    assert (company.common_name, company.signature, company.certificate) == (COMPANY, VALID, TRUSTED)
    assert (person.common_name, person.signature, person.certificate) == ("王䶮𬭎", VALID, TRUSTED)


def test_each_signature_covers_the_document_of_its_time(poppler: Poppler, sealed: bytes, countersigned: bytes) -> None:
    assert [each.total for each in poppler.verify(sealed)] == [True]
    assert [each.total for each in poppler.verify(countersigned)] == [False, True]


def test_another_tenants_certificates_are_not_trusted(poppler: Poppler, contract: bytes) -> None:
    (verdict,) = poppler.verify(Tenant.enrol().seal(contract).document)

    assert verdict.signature == VALID
    assert verdict.certificate == "Certificate issuer is unknown."


@pytest.mark.parametrize("share", [position / 12 for position in range(12)])
def test_change_before_the_first_signature_spoils_both(
    poppler: Poppler, sealed: bytes, countersigned: bytes, share: float
) -> None:
    end_of_first_range = sealed.index(b"/Contents <")
    position = 20 + int(share * (end_of_first_range - 20))
    changed = bytearray(countersigned)
    changed[position] ^= 0x01

    verdicts = poppler.verify(bytes(changed))

    assert VALID not in [each.signature for each in verdicts]


@pytest.mark.parametrize("share", [position / 12 for position in range(12)])
def test_change_in_the_second_revision_spoils_the_second(
    poppler: Poppler, sealed: bytes, countersigned: bytes, share: float
) -> None:
    start, end = len(sealed), countersigned.rindex(b"/Contents <")
    changed = bytearray(countersigned)
    changed[start + int(share * (end - start))] ^= 0x01

    verdicts = poppler.verify(bytes(changed))

    assert VALID not in [each.signature for each in verdicts if each.common_name == "王䶮𬭎"]
