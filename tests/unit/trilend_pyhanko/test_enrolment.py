"""Enrolment: a trial authority of the tenant's own, and the company's certificate and key."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import pem, x509
from cryptography.hazmat.primitives.serialization import pkcs12

from trilend_pyhanko import PLUGIN
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import EnrolmentRequest

from .conftest import COMPANY, USCC, Tenant, make_context

AN_INSTANT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)


def root_of(tenant: Tenant) -> x509.Certificate:
    _, _, der = pem.unarmor(tenant.context.config["ca_certificate"].encode())
    return x509.Certificate.load(der)


def company_certificate_of(tenant: Tenant) -> x509.Certificate:
    archive = pkcs12.load_pkcs12(
        base64.b64decode(tenant.context.secrets["company_pkcs12"]),
        tenant.context.secrets["company_pkcs12_password"].encode(),
    )
    assert archive.cert is not None
    from cryptography.hazmat.primitives.serialization import Encoding

    return x509.Certificate.load(archive.cert.certificate.public_bytes(Encoding.DER))


def test_company_certificate_names_company_and_uscc_for_three_years() -> None:
    enrolment = PLUGIN.esign_enrol(
        make_context(clock=lambda: AN_INSTANT), EnrolmentRequest(organization=COMPANY, uscc=USCC)
    )

    assert enrolment.certificate_subject == (f"CN={COMPANY},O={COMPANY},organizationIdentifier=NTRCN-{USCC},C=CN")
    assert enrolment.valid_until == AN_INSTANT + timedelta(days=1095)
    assert enrolment.config["organization"] == COMPANY
    assert enrolment.config["uscc"] == USCC
    assert enrolment.config["certificate_authority"] == f"试用证书机构 {USCC}"


def test_company_key_signs_and_does_nothing_else(tenant: Tenant) -> None:
    certificate = company_certificate_of(tenant)

    assert certificate.key_usage_value.native == {"digital_signature", "non_repudiation"}
    assert certificate.basic_constraints_value.native["ca"] is False
    assert certificate.issuer == root_of(tenant).subject
    assert certificate.authority_key_identifier == root_of(tenant).key_identifier


def test_root_issues_signers_and_no_further_authorities(tenant: Tenant) -> None:
    root = root_of(tenant)

    assert root.key_usage_value.native == {"key_cert_sign", "crl_sign"}
    assert root.basic_constraints_value.native == {"ca": True, "path_len_constraint": 0}
    assert root.subject.native["common_name"] == tenant.context.config["certificate_authority"]


def test_authority_bears_the_name_the_tenant_chose() -> None:
    context = make_context({"certificate_authority": "信诚内部证书机构"})

    enrolment = PLUGIN.esign_enrol(context, EnrolmentRequest(organization=COMPANY, uscc=USCC))

    assert enrolment.config["certificate_authority"] == "信诚内部证书机构"


def test_second_enrolment_is_independent(tenant: Tenant) -> None:
    second = Tenant.enrol()

    assert root_of(second).public_key.sha256 != root_of(tenant).public_key.sha256
    assert root_of(second).serial_number != root_of(tenant).serial_number
    assert set(second.context.secrets.values()).isdisjoint(tenant.context.secrets.values())


@pytest.mark.parametrize(
    "company",
    [
        "新疆维吾尔自治区阿克苏地区乌什县兴农小额贷款有限责任公司",
        "上海㛃𬭎（集团）融资担保有限公司",
        "章" * 64,
    ],
)
def test_long_and_rare_company_names_are_certified_whole(company: str) -> None:
    enrolled = Tenant.enrol(company)

    assert company_certificate_of(enrolled).subject.native["organization_name"] == company
    assert PLUGIN.esign_check(enrolled.context).ok


@pytest.mark.parametrize(
    ("company", "uscc", "code"),
    [
        (COMPANY, "91310115591693856B", "uscc_invalid"),
        (COMPANY, "", "uscc_invalid"),
        ("章" * 65, USCC, "name_too_long"),
        ("上海𠀀贸易公司", USCC, "glyph_missing"),
    ],
)
def test_what_cannot_be_certified_or_sealed_is_refused(company: str, uscc: str, code: str) -> None:
    with pytest.raises(Terminal) as refused:
        PLUGIN.esign_enrol(make_context(), EnrolmentRequest(organization=company, uscc=uscc))

    assert refused.value.code == code


def test_refusal_names_the_character_that_no_font_has() -> None:
    with pytest.raises(Terminal, match="“𠀀”字（U\\+20000）"):
        PLUGIN.esign_enrol(make_context(), EnrolmentRequest(organization="上海𠀀贸易公司", uscc=USCC))
