"""Verification: what was changed is never reported as whole, and what is damaged gives a report."""

import base64
import re
from datetime import timedelta
from io import BytesIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields

from trilend_pyhanko import PLUGIN, certificates, identity
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import VerifyRequest

from .conftest import COMPANY, USCC, Tenant, make_context, now

UNREADABLE = "这份文件不是可读的 PDF，或已经损坏。"
BROKEN = "签名已经损坏，或不是本插件支持的格式。"
CHANGED = "签名之后，被签署的内容被改动过。"
NOT_TRUSTED = "签署证书不是由本连接信任的证书机构签发，或签署时不在有效期内。"
NOT_COVERED = "最后一次签名之后，文件又被改动或追加了内容。"

shared_examples = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def container_of_the_last_signature(document: bytes) -> tuple[int, int]:
    """Where the hexadecimal digits of the last container begin and end."""
    return list(re.finditer(rb"/Contents *<([0-9A-F]+)>", document))[-1].span(1)


def append_update(document: bytes, name: str) -> bytes:
    """The document with an incremental update that adds a value to the catalogue."""
    writer = IncrementalPdfFileWriter(BytesIO(document))
    writer.root[generic.pdf_name(f"/{name}")] = generic.TextStringObject("added later")
    writer.update_root()
    output = BytesIO()
    writer.write(output)
    return output.getvalue()


def test_whole_document_is_ok(tenant: Tenant, countersigned: bytes) -> None:
    report = tenant.verify(countersigned)

    assert report.ok
    for verdict in report.signatures:
        assert verdict.intact
        assert verdict.valid
        assert verdict.trusted
        assert verdict.covers_document
        assert verdict.problem == ""


def test_later_signature_does_not_break_the_earlier(tenant: Tenant, sealed: bytes) -> None:
    before = tenant.verify(sealed).signatures[0]
    document = sealed
    for number in range(3):
        document = tenant.sign_as_person(document, field_name=f"guarantor{number}").document

    report = tenant.verify(document)

    assert report.ok
    assert len(report.signatures) == 4
    assert report.signatures[0] == before


@pytest.mark.parametrize("share", [position / 60 for position in range(60)])
def test_changed_byte_is_never_ok(tenant: Tenant, countersigned: bytes, share: float) -> None:
    changed = bytearray(countersigned)
    changed[int(share * len(changed))] ^= 0x01

    assert not tenant.verify(bytes(changed)).ok


@given(data=st.data())
@shared_examples
def test_any_change_of_any_byte_is_never_ok(tenant: Tenant, countersigned: bytes, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(countersigned) - 1))
    value = data.draw(st.integers(0, 255).filter(lambda byte: byte != countersigned[position]))
    changed = bytearray(countersigned)
    changed[position] = value

    assert not tenant.verify(bytes(changed)).ok


@given(data=st.data())
@shared_examples
def test_any_change_of_the_last_container_is_never_ok(
    tenant: Tenant, countersigned: bytes, data: st.DataObject
) -> None:
    start, end = container_of_the_last_signature(countersigned)
    content = bytearray(bytes.fromhex(countersigned[start:end].decode()))
    position = data.draw(st.integers(0, len(content) - 1))
    content[position] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[position]))

    changed = countersigned[:start] + bytes(content).hex().upper().encode() + countersigned[end:]

    assert not tenant.verify(changed).ok


@pytest.mark.parametrize("position", range(12))
def test_header_of_the_container_has_one_form(tenant: Tenant, countersigned: bytes, position: int) -> None:
    start, end = container_of_the_last_signature(countersigned)
    for mask in (0x01, 0x80, 0xFF):
        content = bytearray(bytes.fromhex(countersigned[start:end].decode()))
        content[position] ^= mask
        changed = countersigned[:start] + bytes(content).hex().upper().encode() + countersigned[end:]
        assert not tenant.verify(changed).ok


def test_issuer_in_the_container_is_spelt_as_in_the_certificate(tenant: Tenant, countersigned: bytes) -> None:
    start, end = container_of_the_last_signature(countersigned)
    # C=CN of the certificate's issuer, of its subject, of the signer's identifier, and within the signed attributes.
    country = b"06035504061302434E"
    places = [found.start() for found in re.finditer(country, countersigned[:end]) if found.start() > start]
    assert len(places) == 4
    last_digits = places[2] + len(country) - 2

    changed = countersigned[:last_digits] + b"6E" + countersigned[last_digits + 2 :]

    assert not tenant.verify(changed).ok


@pytest.mark.parametrize(
    ("old", "new"),
    [(rb"A([0-9A-F])", rb"a\1"), (rb"0([0-9A-F]+)\Z", rb"1\1"), (rb"0\Z", rb" "), (rb"00\Z", rb"01")],
)
def test_spelling_and_padding_of_the_container_are_fixed(
    tenant: Tenant, countersigned: bytes, old: bytes, new: bytes
) -> None:
    start, end = container_of_the_last_signature(countersigned)
    spelling = re.sub(old, new, countersigned[start:end], count=1)
    assert spelling != countersigned[start:end]

    assert not tenant.verify(countersigned[:start] + spelling + countersigned[end:]).ok


def test_changed_content_is_said_to_be_changed(tenant: Tenant, countersigned: bytes) -> None:
    at = countersigned.index(b"%\x80\x80\x80\x80") + 2
    changed = countersigned[:at] + b"\x81" + countersigned[at + 1 :]

    report = tenant.verify(changed)

    assert [(each.intact, each.problem) for each in report.signatures] == [(False, CHANGED), (False, CHANGED)]
    assert [each.signer for each in report.signatures] == [COMPANY, "王䶮𬭎"]


@pytest.mark.parametrize("tail", [b"\n", b"\x00", b"%%EOF\n", b"% a comment\n"])
def test_appended_bytes_are_not_ok(tenant: Tenant, countersigned: bytes, tail: bytes) -> None:
    report = tenant.verify(countersigned + tail)

    assert not report.ok


def test_appended_update_is_not_covered(tenant: Tenant, countersigned: bytes) -> None:
    report = tenant.verify(append_update(countersigned, "Added"))

    assert not report.ok
    last = report.signatures[-1]
    assert (last.intact, last.valid, last.trusted) == (True, True, True)
    assert (last.covers_document, last.problem) == (False, NOT_COVERED)


def test_update_hidden_between_two_signatures_is_not_ok(tenant: Tenant, sealed: bytes) -> None:
    document = tenant.sign_as_person(append_update(sealed, "Hidden")).document

    report = tenant.verify(document)

    assert not report.ok
    assert [each.covers_document for each in report.signatures] == [False, True]


def test_empty_signature_field_appended_afterwards_is_not_ok(tenant: Tenant, sealed: bytes) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(sealed))
    fields.append_signature_field(writer, fields.SigFieldSpec("later", box=(10, 10, 50, 50)))
    output = BytesIO()
    writer.write(output)

    assert not tenant.verify(output.getvalue()).ok


def test_document_cut_back_to_one_signature_has_one_signature(
    tenant: Tenant, sealed: bytes, countersigned: bytes
) -> None:
    report = tenant.verify(countersigned[: len(sealed)])

    assert report.ok
    assert [each.field_name for each in report.signatures] == ["company"]


def test_unsigned_document_is_not_ok(tenant: Tenant, contract: bytes) -> None:
    report = tenant.verify(contract)

    assert not report.ok
    assert report.signatures == ()


@pytest.mark.parametrize("document", [b"", b"not a PDF", b"%PDF-1.7\n%%EOF\n", b"\x00" * 2000])
def test_unreadable_document_gives_a_report(tenant: Tenant, document: bytes) -> None:
    report = tenant.verify(document)

    assert not report.ok
    assert [each.problem for each in report.signatures] == [UNREADABLE]


@given(data=st.data())
@shared_examples
def test_damage_never_raises(tenant: Tenant, sealed: bytes, countersigned: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(countersigned)))
    end = data.draw(st.integers(start, len(countersigned)))
    filling = data.draw(st.binary(max_size=200))

    damaged = countersigned[:start] + filling + countersigned[end:]

    report = tenant.verify(damaged)
    assert not report.ok or damaged in (sealed, countersigned)


def test_broken_container_does_not_hide_the_other_signature(tenant: Tenant, countersigned: bytes) -> None:
    start, _ = container_of_the_last_signature(countersigned)
    broken = countersigned[:start] + b"FF" + countersigned[start + 2 :]

    report = tenant.verify(broken)
    assert not report.ok
    assert [(each.field_name, each.problem) for each in report.signatures] == [
        ("company", NOT_COVERED),
        ("borrower", BROKEN),
    ]


def test_another_tenants_authority_is_not_trusted(tenant: Tenant, countersigned: bytes) -> None:
    report = Tenant.enrol().verify(countersigned)

    assert not report.ok
    for verdict in report.signatures:
        assert (verdict.intact, verdict.valid, verdict.trusted) == (True, True, False)
        assert verdict.problem == NOT_TRUSTED


def test_old_and_new_root_together_verify_old_and_new_documents(tenant: Tenant, sealed: bytes) -> None:
    renewed = Tenant.enrol()
    both = tenant.context.config["ca_certificate"] + renewed.context.config["ca_certificate"]

    renewed_keeping_the_old = renewed.with_config(ca_certificate=both)

    assert renewed_keeping_the_old.verify(sealed).ok
    assert renewed_keeping_the_old.verify(renewed_keeping_the_old.sign_as_person(sealed).document).ok


def test_signature_made_in_force_verifies_after_the_certificate_expired(tenant: Tenant, countersigned: bytes) -> None:
    assert tenant.at(now() + timedelta(days=5 * 365)).verify(countersigned).ok


def test_signature_from_the_future_is_not_trusted(tenant: Tenant, contract: bytes) -> None:
    document = tenant.at(now() + timedelta(days=30)).seal(contract).document

    report = tenant.verify(document)

    assert not report.ok
    assert report.signatures[0].problem == NOT_TRUSTED


def test_signature_by_an_expired_certificate_is_not_trusted(contract: bytes) -> None:
    outdated = Tenant.enrol(clock=lambda: now() - timedelta(days=4 * 365)).at(now())

    (verdict,) = outdated.verify(outdated.sign_without_checks(contract)).signatures

    assert (verdict.intact, verdict.valid, verdict.trusted) == (True, True, False)
    assert verdict.problem == NOT_TRUSTED


def test_verification_without_a_root_is_refused(countersigned: bytes) -> None:
    with pytest.raises(Terminal) as caught:
        PLUGIN.esign_verify(make_context(), VerifyRequest(document=countersigned))

    assert caught.value.code == "authority_missing"


def test_rsa_certificate_of_another_authority_signs_and_verifies(tenant: Tenant, contract: bytes) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issued = certificates.issue_company(identity.authority(tenant.context, now()), COMPANY, USCC, key, now())
    archive = pkcs12.serialize_key_and_certificates(
        None, key, x509.load_der_x509_certificate(issued.dump()), None, BestAvailableEncryption(b"own password")
    )
    own = tenant.with_secrets(company_pkcs12=base64.b64encode(archive).decode(), company_pkcs12_password="own password")

    document = own.seal(contract).document

    assert own.verify(document).ok
    changed = bytearray(document)
    changed[len(contract) // 2] ^= 0x01
    assert not own.verify(bytes(changed)).ok
