"""The connection test: identity present, in force, and matching."""

import base64
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from trilend_pyhanko import PLUGIN

from .conftest import COMPANY, Tenant, make_context, now


def test_enrolled_connection_can_sign(tenant: Tenant) -> None:
    result = PLUGIN.esign_check(tenant.context)

    until = (now() + timedelta(days=1095)).date().isoformat()
    assert result.ok
    assert result.message == f"可以签章：{COMPANY}，公司证书有效期至 {until}。"


def test_empty_connection_cannot_sign() -> None:
    result = PLUGIN.esign_check(make_context())

    assert not result.ok
    assert result.message == "连接里没有公司证书，请先完成开通或上传 PKCS#12 文件。"


@pytest.mark.parametrize(
    ("secret", "value", "message"),
    [
        ("company_pkcs12_password", "wrong", "公司证书文件打不开：密码不正确，或文件不是 PKCS#12 格式。"),
        ("company_pkcs12_password", "", "公司证书文件打不开：密码不正确，或文件不是 PKCS#12 格式。"),
        ("company_pkcs12", "bm90IGEga2V5", "公司证书文件打不开：密码不正确，或文件不是 PKCS#12 格式。"),
        ("company_pkcs12", "###", "公司证书文件打不开：密码不正确，或文件不是 PKCS#12 格式。"),
        ("ca_key", "", "连接里没有证书机构的私钥，不能签发事件证书，请先完成开通。"),
        ("ca_key", "not a key", "证书机构的私钥无法读取，应为未加密的 PEM 格式。"),
    ],
)
def test_unusable_secret_is_named(tenant: Tenant, secret: str, value: str, message: str) -> None:
    result = PLUGIN.esign_check(tenant.with_secrets(**{secret: value}).context)

    assert (result.ok, result.message) == (False, message)


@pytest.mark.parametrize(
    ("root", "message"),
    [
        ("", "连接里没有证书机构的证书，请先完成开通。"),
        ("not a certificate", "证书机构的证书无法读取，应为 PEM 格式。"),
        (
            "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n",
            "证书机构的证书无法读取，应为 PEM 格式。",
        ),
    ],
)
def test_unusable_root_is_named(tenant: Tenant, root: str, message: str) -> None:
    result = PLUGIN.esign_check(tenant.with_config(ca_certificate=root).context)

    assert (result.ok, result.message) == (False, message)


def test_key_of_another_authority_is_found_out(tenant: Tenant) -> None:
    other = Tenant.enrol()

    result = PLUGIN.esign_check(tenant.with_secrets(ca_key=other.context.secrets["ca_key"]).context)

    assert (result.ok, result.message) == (False, "证书机构的证书与私钥不匹配，请重新开通。")


def test_company_key_that_fits_no_certificate_is_found_out(tenant: Tenant) -> None:
    password = tenant.context.secrets["company_pkcs12_password"].encode()
    archive = pkcs12.load_pkcs12(base64.b64decode(tenant.context.secrets["company_pkcs12"]), password)
    assert archive.cert is not None
    mismatched = pkcs12.serialize_key_and_certificates(
        None,
        ec.generate_private_key(ec.SECP256R1()),
        None,
        [archive.cert.certificate],
        serialization.BestAvailableEncryption(password),
    )

    result = PLUGIN.esign_check(tenant.with_secrets(company_pkcs12=base64.b64encode(mismatched).decode()).context)

    assert (result.ok, result.message) == (False, "公司证书与私钥不匹配，请重新上传 PKCS#12 文件。")


def test_expired_company_certificate_is_named_with_its_day(tenant: Tenant) -> None:
    later = tenant.at(now() + timedelta(days=1096))

    result = PLUGIN.esign_check(later.context)

    until = (now() + timedelta(days=1095)).date().isoformat()
    assert (result.ok, result.message) == (False, f"公司证书已于 {until} 到期，请更新证书后再签章。")
