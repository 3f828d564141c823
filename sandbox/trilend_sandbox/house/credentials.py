"""A server's own keys and certificates, made at first start and kept in its data folder."""

import ipaddress
import os
import ssl
from datetime import timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trilend_sandbox.house.clock import utc_now
from trilend_sandbox.house.errors import StartFailure

AUTHORITY_VALIDITY = timedelta(days=3650)
SERVER_VALIDITY = timedelta(days=397)
RENEW_BEFORE = timedelta(days=30)
SIGNING_KEY_BITS = 2048

_HOSTS = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
_HOST_CONSTRAINTS = (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_network("127.0.0.1/32")))


def server_context(folder: Path, title: str) -> ssl.SSLContext:
    """TLS for localhost and 127.0.0.1 under the authority in `ca.pem`; a certificate near its end is renewed.

    `title` is the server's name in the certificates.
    """
    certificate_file, key_file = folder / "server.pem", folder / "server-key.pem"
    if not certificate_file.exists() or not key_file.exists() or _ends_soon(certificate_file):
        _issue_server_certificate(folder, title)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate_file, key_file)
    return context


def signing_key(folder: Path, name: str) -> rsa.RSAPrivateKey:
    """The key the server signs its answers with, `<name>-key.pem`; its public half is `<name>-public-key.pem`."""
    path = folder / f"{name}-key.pem"
    if not path.exists():
        _write(path, _private_pem(new_signing_key()), secret=True)
    key = load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise StartFailure(f"{path} holds no RSA key.")
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write(folder / f"{name}-public-key.pem", public, secret=False)
    return key


def new_signing_key() -> rsa.RSAPrivateKey:
    """A fresh RSA key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=SIGNING_KEY_BITS)


def _ends_soon(certificate_file: Path) -> bool:
    certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
    return certificate.not_valid_after_utc < utc_now() + RENEW_BEFORE


def _issue_server_certificate(folder: Path, title: str) -> None:
    authority, authority_key = _authority(folder, title)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(f"Trilend {title}", SERVER_VALIDITY)
        .issuer_name(authority.subject)
        .public_key(key.public_key())
        .add_extension(x509.SubjectAlternativeName(_HOSTS), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    _write(folder / "server-key.pem", _private_pem(key), secret=True)
    _write(folder / "server.pem", certificate.public_bytes(Encoding.PEM), secret=False)


def _authority(folder: Path, title: str) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    certificate_file, key_file = folder / "ca.pem", folder / "ca-key.pem"
    if not certificate_file.exists() or not key_file.exists():
        _make_authority(certificate_file, key_file, title)
    key = load_pem_private_key(key_file.read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise StartFailure(f"{key_file} holds no elliptic curve key.")
    return x509.load_pem_x509_certificate(certificate_file.read_bytes()), key


def _make_authority(certificate_file: Path, key_file: Path, title: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(f"Trilend {title} CA", AUTHORITY_VALIDITY)
    certificate = (
        builder.issuer_name(_name(f"Trilend {title} CA"))
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(authority=True), critical=True)
        .add_extension(x509.NameConstraints(list(_HOST_CONSTRAINTS), None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_file, _private_pem(key), secret=True)
    _write(certificate_file, certificate.public_bytes(Encoding.PEM), secret=False)


def _builder(common_name: str, validity: timedelta) -> x509.CertificateBuilder:
    start = utc_now() - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(common_name))
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + validity)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(path: Path, content: bytes, *, secret: bool) -> None:
    """Put a file in place as a whole, so that a crash leaves the old one or the new one."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600 if secret else 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
