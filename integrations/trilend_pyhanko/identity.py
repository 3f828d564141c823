"""The identities of a connection, read from its configuration and secrets and checked before every use."""

import base64
import binascii
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import pem, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from trilend_pyhanko import certificates
from trilend_pyhanko.certificates import Authority, PrivateKey
from trilend_sdk.context import PluginContext
from trilend_sdk.errors import Terminal
from trilend_sdk.payload import CheckResult


@dataclass(frozen=True)
class Identity:
    """What signs: a certificate, its private key, and the certificates between it and the trusted root."""

    certificate: x509.Certificate
    key: PrivateKey
    intermediates: tuple[x509.Certificate, ...] = ()


def company_identity(context: PluginContext, now: datetime) -> Identity:
    """The company's certificate and key; `Terminal` when absent, unreadable, mismatched or not in force at `now`."""
    archive = _archive(context)
    key, certificate = archive.key, archive.cert
    if not isinstance(key, PrivateKey):
        raise Terminal("公司证书文件里没有可用的私钥，请上传包含私钥的 PKCS#12 文件。", code="key_missing")
    if certificate is None:
        raise Terminal("公司证书与私钥不匹配，请重新上传 PKCS#12 文件。", code="key_mismatch")
    company = x509.Certificate.load(certificate.certificate.public_bytes(serialization.Encoding.DER))
    if not certificates.matches(company, key):
        raise Terminal("公司证书与私钥不匹配，请重新上传 PKCS#12 文件。", code="key_mismatch")
    _require_in_force(company, "公司证书", now)
    others = [
        x509.Certificate.load(c.certificate.public_bytes(serialization.Encoding.DER)) for c in archive.additional_certs
    ]
    return Identity(company, key, tuple(other for other in others if other.self_signed == "no"))


def authority(context: PluginContext, now: datetime) -> Authority:
    """The authority that issues event certificates; `Terminal` when absent, mismatched or not in force at `now`."""
    text = context.secrets.get("ca_key", "")
    if not text:
        raise Terminal("连接里没有证书机构的私钥，不能签发事件证书，请先完成开通。", code="authority_missing")
    key = _private_key(text)
    for certificate in trust_roots(context):
        if certificates.matches(certificate, key):
            _require_in_force(certificate, "证书机构的证书", now)
            return Authority(certificate, key)
    raise Terminal("证书机构的证书与私钥不匹配，请重新开通。", code="key_mismatch")


def trust_roots(context: PluginContext) -> list[x509.Certificate]:
    """The certificates this connection trusts; `Terminal` when there is none or one cannot be read."""
    text = str(context.config.get("ca_certificate") or "")
    if not text:
        raise Terminal("连接里没有证书机构的证书，请先完成开通。", code="authority_missing")
    try:
        roots = [x509.Certificate.load(der, strict=True) for _, _, der in pem.unarmor(text.encode(), multiple=True)]
        for root in roots:
            _ = root.subject.native, root.public_key.native
    except ValueError as error:
        raise Terminal("证书机构的证书无法读取，应为 PEM 格式。", code="authority_unreadable") from error
    return roots


def check(context: PluginContext) -> CheckResult:
    """Whether company and persons can sign: identities present, matching, issued by the authority and in force."""
    now = context.clock()
    try:
        company = company_identity(context, now)
        authority(context, now)
    except Terminal as error:
        return CheckResult(ok=False, message=error.message)
    name = certificates.subject_name(company.certificate)
    until = company.certificate.not_valid_after.date().isoformat()
    return CheckResult(ok=True, message=f"可以签章：{name}，公司证书有效期至 {until}。")


def _archive(context: PluginContext) -> pkcs12.PKCS12KeyAndCertificates:
    encoded = context.secrets.get("company_pkcs12", "")
    if not encoded:
        raise Terminal("连接里没有公司证书，请先完成开通或上传 PKCS#12 文件。", code="identity_missing")
    password = context.secrets.get("company_pkcs12_password", "")
    try:
        content = base64.b64decode(encoded, validate=False)
        return pkcs12.load_pkcs12(content, password.encode() if password else None)
    except (binascii.Error, ValueError) as error:
        raise Terminal("公司证书文件打不开：密码不正确，或文件不是 PKCS#12 格式。", code="pkcs12_unreadable") from error


def _private_key(text: str) -> PrivateKey:
    try:
        key = serialization.load_pem_private_key(text.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise Terminal("证书机构的私钥无法读取，应为未加密的 PEM 格式。", code="authority_unreadable") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Terminal("证书机构的私钥应为 EC 或 RSA 密钥。", code="authority_unreadable")
    return key


def _require_in_force(certificate: x509.Certificate, what: str, now: datetime) -> None:
    if now > certificate.not_valid_after:
        day = certificate.not_valid_after.date().isoformat()
        raise Terminal(f"{what}已于 {day} 到期，请更新证书后再签章。", code="certificate_expired")
    if now < certificate.not_valid_before:
        day = certificate.not_valid_before.date().isoformat()
        raise Terminal(f"{what}自 {day} 起才有效。", code="certificate_not_yet_valid")
