"""X.509 certificates of the trial authority: its root, company certificates, and event certificates of one signature.

Built with asn1crypto, because a name may have 64 characters (RFC 5280, appendix A.1) and `cryptography` counts 64
bytes, which a Chinese company name passes at its twenty-second character.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from asn1crypto import core, keys, x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from trilend_pyhanko.unicode_names import allow_current_unicode
from trilend_sdk.errors import Terminal

allow_current_unicode()

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

AUTHORITY_VALIDITY = timedelta(days=20 * 365)
COMPANY_VALIDITY = timedelta(days=3 * 365)
# The key of an event certificate is gone after one signature, so it need not expire early to limit its misuse; it
# lasts as long as files must be kept, so that any reader of the PDF finds it in force.
EVENT_VALIDITY = timedelta(days=10 * 365)
# Readers whose clocks run behind ours shall not find a certificate that is not yet in force.
CLOCK_TOLERANCE = timedelta(minutes=5)

# SHA-256 of the evidence of one signature; an identifier under 2.25 needs no registration (ITU-T X.667).
EVIDENCE_DIGEST_OID = "2.25.322872253139889798058357323000308406238"

MAX_NAME_CHARACTERS = 64

_SIGNER_USAGE = {"digital_signature", "non_repudiation"}
_AUTHORITY_USAGE = {"key_cert_sign", "crl_sign"}
_SHORT_NAMES = {
    "common_name": "CN",
    "organization_name": "O",
    "organization_identifier": "organizationIdentifier",
    "serial_number": "serialNumber",
    "country_name": "C",
}


@dataclass(frozen=True)
class Authority:
    """A certificate authority that can issue: its certificate and the private key of it."""

    certificate: x509.Certificate
    key: PrivateKey


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh private key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def issue_authority(name: str, organization: str, now: datetime) -> Authority:
    """A self-signed root for one tenant, valid 20 years from `now`."""
    key = new_key()
    subject = _name({"country_name": "CN", "organization_name": organization, "common_name": name})
    public_key = _public_key_info(key)
    tbs = _to_be_signed(subject, subject, public_key, now, now + AUTHORITY_VALIDITY, key)
    tbs["extensions"] = [
        _extension("basic_constraints", {"ca": True, "path_len_constraint": 0}, critical=True),
        _extension("key_usage", _AUTHORITY_USAGE, critical=True),
        _extension("key_identifier", public_key.sha1),
    ]
    return Authority(_signed(tbs, key), key)


def issue_company(
    authority: Authority, organization: str, uscc: str, key: PrivateKey, now: datetime
) -> x509.Certificate:
    """A company's signing certificate, valid 3 years; the USCC stands as `NTRCN-…` (ETSI EN 319 412-1, 5.1.4)."""
    subject = _name(
        {
            "country_name": "CN",
            "organization_name": organization,
            "organization_identifier": f"NTRCN-{uscc}",
            "common_name": organization,
        }
    )
    return _issue_signer(authority, subject, key, now, COMPANY_VALIDITY)


def issue_event(
    authority: Authority, name: str, reference: str, evidence_digest: bytes | None, key: PrivateKey, now: datetime
) -> x509.Certificate:
    """A person's certificate for one signature, bound to the identity reference and to the evidence's SHA-256."""
    attributes = {"country_name": "CN", "common_name": name}
    if reference:
        attributes["serial_number"] = reference
    extra = [] if evidence_digest is None else [_evidence_extension(evidence_digest)]
    return _issue_signer(authority, _name(attributes), key, now, EVENT_VALIDITY, extra)


def subject_text(certificate: x509.Certificate) -> str:
    """The subject in the manner of RFC 4514, most telling part first."""
    parts: dict[str, str] = certificate.subject.native
    known = [f"{short}={_escaped(parts[field])}" for field, short in _SHORT_NAMES.items() if field in parts]
    return ",".join(known) or str(certificate.subject.human_friendly)


def subject_name(certificate: x509.Certificate) -> str:
    """Who the certificate names: the common name, or the organization where there is none."""
    parts: dict[str, str] = certificate.subject.native
    return str(parts.get("common_name") or parts.get("organization_name") or certificate.subject.human_friendly)


def organization(certificate: x509.Certificate) -> str:
    """The organization the certificate names, or its common name where there is none."""
    return str(certificate.subject.native.get("organization_name") or subject_name(certificate))


def matches(certificate: x509.Certificate, key: PrivateKey) -> bool:
    """Whether the private key belongs to the certificate."""
    return bool(certificate.public_key.dump() == _public_key_info(key).dump())


def _issue_signer(
    authority: Authority,
    subject: x509.Name,
    key: PrivateKey,
    now: datetime,
    validity: timedelta,
    extra: list[x509.Extension] | None = None,
) -> x509.Certificate:
    issuer = authority.certificate
    until = min(now + validity, issuer.not_valid_after)
    public_key = _public_key_info(key)
    tbs = _to_be_signed(issuer.subject, subject, public_key, now, until, authority.key)
    tbs["extensions"] = [
        _extension("basic_constraints", {"ca": False}, critical=True),
        _extension("key_usage", _SIGNER_USAGE, critical=True),
        _extension("key_identifier", public_key.sha1),
        _extension("authority_key_identifier", {"key_identifier": issuer.key_identifier or issuer.public_key.sha1}),
        *(extra or []),
    ]
    return _signed(tbs, authority.key)


def _to_be_signed(
    issuer: x509.Name,
    subject: x509.Name,
    public_key: keys.PublicKeyInfo,
    now: datetime,
    until: datetime,
    issuing_key: PrivateKey,
) -> x509.TbsCertificate:
    return x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": secrets.randbits(127) + 1,
            "signature": {"algorithm": _signature_algorithm(issuing_key)},
            "issuer": issuer,
            "validity": {"not_before": _time(now - CLOCK_TOLERANCE), "not_after": _time(until)},
            "subject": subject,
            "subject_public_key_info": public_key,
        }
    )


def _signed(tbs: x509.TbsCertificate, key: PrivateKey) -> x509.Certificate:
    content = tbs.dump()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        signature = key.sign(content, ec.ECDSA(hashes.SHA256()))
    else:
        signature = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    certificate = x509.Certificate(
        {"tbs_certificate": tbs, "signature_algorithm": tbs["signature"], "signature_value": signature}
    )
    return x509.Certificate.load(certificate.dump())


def _signature_algorithm(key: PrivateKey) -> str:
    return "sha256_ecdsa" if isinstance(key, ec.EllipticCurvePrivateKey) else "sha256_rsa"


def _public_key_info(key: PrivateKey) -> keys.PublicKeyInfo:
    encoded = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return keys.PublicKeyInfo.load(encoded)


def _name(attributes: Mapping[str, str]) -> x509.Name:
    for value in attributes.values():
        if len(value) > MAX_NAME_CHARACTERS:
            raise Terminal(
                f"证书中的名称最多 {MAX_NAME_CHARACTERS} 个字符，“{value[:20]}…”过长。", code="name_too_long"
            )
    return x509.Name.build(dict(attributes))


def _time(instant: datetime) -> x509.Time:
    # RFC 5280, 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050.
    whole = instant.replace(microsecond=0)
    return x509.Time({"utc_time" if whole.year < 2050 else "general_time": whole})


def _extension(identifier: str, value: object, critical: bool = False) -> x509.Extension:
    return x509.Extension({"extn_id": identifier, "critical": critical, "extn_value": value})


def _evidence_extension(digest: bytes) -> x509.Extension:
    return _extension(EVIDENCE_DIGEST_OID, core.ParsableOctetString(core.OctetString(digest).dump()))


def _escaped(value: str) -> str:
    return "".join(f"\\{character}" if character in ',+"\\<>;' else character for character in value)
