"""Signing: company and persons, one after the other, and what is refused."""

import asyncio
import statistics
import time
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from asn1crypto import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields
from pypdf import PdfReader, PdfWriter

from trilend_pyhanko import certificates, identity
from trilend_pyhanko.signing import evidence_digest
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import Placement, SealKind, Signer, SignResult

from .conftest import COMPANY, EVIDENCE, USCC, Tenant, now

# printf '%s' '{"address":"203.0.113.7","at":"2026-03-02T09:30:00+08:00","code_sent_to":"138****0000"}' | sha256sum
EVIDENCE_SHA256 = "bc0c6a564b327785e8fdb9e6eeb152034b80481c2725067b602c6ca9d9040c34"


def signature_dictionary(document: bytes, field_name: str) -> Any:
    found = {each.field_name: each for each in PdfFileReader(BytesIO(document)).embedded_signatures}
    return found[field_name].sig_object


def signing_certificate(document: bytes, field_name: str) -> x509.Certificate:
    found = {each.field_name: each for each in PdfFileReader(BytesIO(document)).embedded_signatures}
    return found[field_name].signer_cert


def refused(tenant: Tenant, document: bytes, **changes: Any) -> Terminal:
    with pytest.raises(Terminal) as caught:
        tenant.seal(document, **changes)
    return caught.value


def test_company_then_person(tenant: Tenant, contract: bytes) -> None:
    instant = now().replace(microsecond=0)
    at_the_table = tenant.at(instant)

    by_company = at_the_table.seal(contract)
    by_both = at_the_table.sign_as_person(by_company.document)

    assert by_company.certificate_subject == f"CN={COMPANY},O={COMPANY},organizationIdentifier=NTRCN-{USCC},C=CN"
    assert by_both.certificate_subject == "CN=王䶮𬭎,serialNumber=party-42,C=CN"
    assert by_company.signed_at == by_both.signed_at == instant
    report = tenant.verify(by_both.document)
    assert report.ok
    assert [(each.field_name, each.signer, each.signed_at) for each in report.signatures] == [
        ("company", COMPANY, instant),
        ("borrower", "王䶮𬭎", instant),
    ]


def test_each_signature_only_appends(contract: bytes, sealed: bytes, countersigned: bytes) -> None:
    assert sealed.startswith(contract)
    assert countersigned.startswith(sealed)


def test_signature_is_pades_with_reason_name_and_time(tenant: Tenant, contract: bytes) -> None:
    instant = now().replace(microsecond=0)

    dictionary = signature_dictionary(tenant.at(instant).seal(contract).document, "company")

    assert dictionary["/SubFilter"] == "/ETSI.CAdES.detached"
    assert dictionary["/Reason"] == "签订借款合同"
    assert dictionary["/Name"] == COMPANY
    assert dictionary["/M"] == f"D:{instant:%Y%m%d%H%M%S}Z"


def test_evidence_is_bound_into_both_signatures(countersigned: bytes) -> None:
    for field_name in ("company", "borrower"):
        dictionary = signature_dictionary(countersigned, field_name)
        assert dictionary["/ContactInfo"] == f"evidence-sha256:{EVIDENCE_SHA256}"

    extensions = {
        each["extn_id"].native: each["extn_value"].parsed.native
        for each in signing_certificate(countersigned, "borrower")["tbs_certificate"]["extensions"]
    }
    assert extensions[certificates.EVIDENCE_DIGEST_OID].hex() == EVIDENCE_SHA256


def test_without_evidence_nothing_is_claimed(tenant: Tenant, contract: bytes) -> None:
    document = tenant.sign_as_person(contract, evidence={}).document

    certificate = signing_certificate(document, "borrower")
    assert "/ContactInfo" not in signature_dictionary(document, "borrower")
    assert certificates.EVIDENCE_DIGEST_OID not in {
        each["extn_id"].dotted for each in certificate["tbs_certificate"]["extensions"]
    }


def test_event_certificate_has_a_key_of_its_own_for_every_signature(tenant: Tenant, contract: bytes) -> None:
    first = tenant.sign_as_person(contract)
    second = tenant.sign_as_person(contract)

    one, two = (signing_certificate(each.document, "borrower") for each in (first, second))
    assert one.public_key.sha256 != two.public_key.sha256
    assert first.certificate_serial != second.certificate_serial
    assert first.certificate_serial == f"{one.serial_number:x}"
    assert one.key_usage_value.native == {"digital_signature", "non_repudiation"}


@pytest.mark.parametrize("name", ["䶮𬭎", "王䶮", "㛃𬭎䶮", "阿卜杜热西提·麦麦提", "John Smith"])
def test_rare_names_stand_in_certificate_and_signature(tenant: Tenant, contract: bytes, name: str) -> None:
    document = tenant.sign_as_person(contract, name=name).document

    report = tenant.verify(document)
    assert report.ok
    assert report.signatures[0].signer == name
    assert signature_dictionary(document, "borrower")["/Name"] == name


def test_seal_takes_either_kind_of_brackets(contract: bytes) -> None:
    group = Tenant.enrol("上海信诚（集团）有限公司")

    signer = Signer(name="上海信诚(集团)有限公司", reference="", kind=SealKind.COMPANY)
    signed = group.seal(contract, signer=signer)

    assert group.verify(signed.document).ok


def test_signing_works_beside_a_running_event_loop(tenant: Tenant, contract: bytes) -> None:
    async def inside() -> bool:
        return tenant.verify(tenant.seal(contract).document).ok

    assert asyncio.run(inside())


def test_signing_takes_less_than_300_milliseconds_of_work(tenant: Tenant, contract: bytes, sealed: bytes) -> None:
    def work(sign: Callable[[bytes], SignResult], document: bytes) -> float:
        start = time.process_time()
        sign(document)
        return time.process_time() - start

    assert statistics.median(work(tenant.seal, contract) for _ in range(5)) < 0.3
    assert statistics.median(work(tenant.sign_as_person, sealed) for _ in range(5)) < 0.3


def test_nothing_secret_or_personal_is_logged(tenant: Tenant, sealed: bytes) -> None:
    tenant.context.log.entries.clear()  # type: ignore[attr-defined]

    tenant.sign_as_person(sealed)

    assert tenant.context.log.entries == [  # type: ignore[attr-defined]
        ("document signed", {"field": "borrower", "kind": "personal"})
    ]


def test_field_is_signed_once(tenant: Tenant, sealed: bytes) -> None:
    error = refused(tenant, sealed)

    assert error.code == "field_exists"
    assert error.message == "签名域“company”已存在，同一份文件里每个签名域只能用一次。"


def test_name_of_another_kind_of_field_is_taken_too(tenant: Tenant, contract: bytes) -> None:
    writer = IncrementalPdfFileWriter(BytesIO(contract))
    text_field = generic.DictionaryObject(
        {generic.pdf_name("/FT"): generic.pdf_name("/Tx"), generic.pdf_name("/T"): generic.pdf_string("company")}
    )
    form = {generic.pdf_name("/Fields"): generic.ArrayObject([writer.add_object(text_field)])}
    writer.root[generic.pdf_name("/AcroForm")] = generic.DictionaryObject(form)
    writer.update_root()
    document = BytesIO()
    writer.write(document)

    assert refused(tenant, document.getvalue()).code == "field_exists"


@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_damaged_document_is_signed_or_refused(tenant: Tenant, contract: bytes, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(contract)))
    end = data.draw(st.integers(start, min(start + 500, len(contract))))
    damaged = contract[:start] + data.draw(st.binary(max_size=50)) + contract[end:]

    def outcome() -> str:
        try:
            return "appended" if tenant.seal(damaged).document.startswith(damaged) else "rewritten"
        except Terminal as error:
            return error.code

    assert outcome() in {"appended", "document_unreadable", "document_encrypted", "page_missing"}


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"not a PDF",
        b"%PDF-1.7\n%%EOF\n",
        b"%PDF-1.7\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF\n",
    ],
)
def test_unreadable_document_is_refused(tenant: Tenant, document: bytes) -> None:
    assert refused(tenant, document).code == "document_unreadable"


def test_truncated_document_is_refused(tenant: Tenant, contract: bytes) -> None:
    assert refused(tenant, contract[: len(contract) // 2]).code == "document_unreadable"


def test_encrypted_document_is_refused(tenant: Tenant, contract: bytes) -> None:
    writer = PdfWriter(PdfReader(BytesIO(contract)))
    writer.encrypt("secret", algorithm="AES-256")
    locked = BytesIO()
    writer.write(locked)

    assert refused(tenant, locked.getvalue()).code == "document_encrypted"


def test_document_certified_against_change_is_refused(tenant: Tenant, contract: bytes) -> None:
    certified = tenant.sign_without_checks(contract, certify=True, docmdp_permissions=fields.MDPPerm.NO_CHANGES)

    assert refused(tenant, certified).code == "document_forbids_signing"


@pytest.mark.parametrize("page", [2, 7, -3])
def test_missing_page_is_refused(tenant: Tenant, contract: bytes, page: int) -> None:
    error = refused(tenant, contract, placement=Placement(page=page, x=80, y=600, width=119, height=119))

    assert (error.code, error.message) == ("page_missing", "这份 PDF 只有 2 页，没有要签章的那一页。")


@pytest.mark.parametrize(("page", "index"), [(0, 0), (1, 1), (-1, 1), (-2, 0)])
def test_seal_stands_on_the_page_asked_for(tenant: Tenant, contract: bytes, page: int, index: int) -> None:
    placement = Placement(page=page, x=80.5, y=600.25, width=119, height=119)

    pages = PdfReader(BytesIO(tenant.seal(contract, placement=placement).document)).pages

    boxes = [[[float(side) for side in note["/Rect"]] for note in each.get("/Annots", [])] for each in pages]
    assert boxes[index] == [[80.5, 600.25, 199.5, 719.25]]
    assert boxes[1 - index] == []


@pytest.mark.parametrize(("x", "y"), [(-10, 600), (500, 600), (80, -10), (80, 800)])
def test_place_outside_the_page_is_refused(tenant: Tenant, contract: bytes, x: float, y: float) -> None:
    error = refused(tenant, contract, placement=Placement(x=x, y=y, width=119, height=119))

    assert error.code == "placement_outside_page"


def test_character_without_glyph_is_named(tenant: Tenant, contract: bytes) -> None:
    with pytest.raises(Terminal, match="“𠀀”字（U\\+20000）") as caught:
        tenant.sign_as_person(contract, name="王𠀀")

    assert caught.value.code == "glyph_missing"


def test_wrong_password_is_refused(tenant: Tenant, contract: bytes) -> None:
    error = refused(tenant.with_secrets(company_pkcs12_password="wrong"), contract)

    assert error.code == "pkcs12_unreadable"
    assert "wrong" not in error.message


def test_expired_certificate_does_not_sign(tenant: Tenant, contract: bytes) -> None:
    assert refused(tenant.at(now() + timedelta(days=1096)), contract).code == "certificate_expired"


def test_certificate_does_not_sign_before_its_time(tenant: Tenant, contract: bytes) -> None:
    assert refused(tenant.at(now() - timedelta(days=1)), contract).code == "certificate_not_yet_valid"


def test_expired_authority_issues_no_event_certificate(tenant: Tenant, contract: bytes) -> None:
    with pytest.raises(Terminal) as caught:
        tenant.at(now() + timedelta(days=20 * 365 + 1)).sign_as_person(contract)

    assert caught.value.code == "certificate_expired"


def test_event_certificate_does_not_outlive_its_authority(tenant: Tenant, contract: bytes) -> None:
    late = tenant.at(now() + timedelta(days=15 * 365))

    certificate = signing_certificate(late.sign_as_person(contract).document, "borrower")

    assert certificate.not_valid_after == identity.authority(tenant.context, now()).certificate.not_valid_after


def test_seal_of_another_company_is_refused(tenant: Tenant, contract: bytes) -> None:
    signer = Signer(name="北京别家担保有限公司", reference="", kind=SealKind.COMPANY)

    error = refused(tenant, contract, signer=signer)

    assert error.code == "company_mismatch"
    assert error.message == f"印章名称“北京别家担保有限公司”与证书中的公司“{COMPANY}”不一致。"


def test_evidence_digest_does_not_depend_on_order() -> None:
    forwards = evidence_digest(EVIDENCE)
    backwards = evidence_digest(dict(reversed(EVIDENCE.items())))

    assert forwards is not None
    assert forwards.hex() == EVIDENCE_SHA256
    assert backwards == forwards
