"""Enrolment: a trial certificate authority for one tenant, and its company's certificate and key."""

import base64
import secrets
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12
from stdnum.cn import uscc as uscc_number

from trilend_pyhanko import certificates, glyphs
from trilend_sdk.context import PluginContext
from trilend_sdk.errors import Terminal
from trilend_sdk.esign import Enrolment, EnrolmentRequest

_PASSWORD_BYTES: Final = 24


def enrol(context: PluginContext, request: EnrolmentRequest) -> Enrolment:
    """Make root, company certificate and keys; each enrolment is independent of any earlier one.

    Raises `Terminal` when the credit code fails its check digit, the name does not fit a certificate, or a character
    of it cannot be put on a seal.
    """
    if not uscc_number.is_valid(request.uscc):
        raise Terminal(f"统一社会信用代码“{request.uscc}”不正确，请核对后重新申请。", code="uscc_invalid")
    glyphs.require_glyphs(request.organization)
    uscc = uscc_number.compact(request.uscc)
    authority_name = str(context.config.get("certificate_authority") or f"试用证书机构 {uscc}")
    now = context.clock()
    authority = certificates.issue_authority(authority_name, request.organization, now)
    key = certificates.new_key()
    company = certificates.issue_company(authority, request.organization, uscc, key, now)
    password = secrets.token_urlsafe(_PASSWORD_BYTES)
    archive = pkcs12.serialize_key_and_certificates(
        b"company",
        key,
        x509.load_der_x509_certificate(company.dump()),
        None,
        serialization.BestAvailableEncryption(password.encode()),
    )
    return Enrolment(
        config={
            "organization": request.organization,
            "uscc": uscc,
            "certificate_authority": authority_name,
            "ca_certificate": _certificate_pem(authority.certificate.dump()),
        },
        secrets={
            "company_pkcs12": base64.b64encode(archive).decode(),
            "company_pkcs12_password": password,
            "ca_key": _key_pem(authority.key),
        },
        certificate_subject=certificates.subject_text(company),
        valid_until=company.not_valid_after,
    )


def _certificate_pem(encoded: bytes) -> str:
    return x509.load_der_x509_certificate(encoded).public_bytes(serialization.Encoding.PEM).decode()


def _key_pem(key: certificates.PrivateKey) -> str:
    # Unencrypted on purpose: a password would lie beside it; the host encrypts every secret at rest.
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
