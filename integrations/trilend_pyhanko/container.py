"""The form of a signature container (CMS in `/Contents`): the one part of a PDF that no signature covers.

The last signature of a document protects every byte but those of its own container. What of them the signature
value and the certificate do not protect either — spelling of the hexadecimal digits, padding, version numbers,
encodings — must have the one form that DER and RFC 5652 allow, so that no byte can be changed unseen.
"""

import re

from asn1crypto import cms, core, parser, x509
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

_ONE_SPELLING = re.compile(rb"<(?:[0-9a-f]+|[0-9A-F]+)>")
_WHOLE_RANGE = 4
_FIELDS = ("version", "digest_algorithms", "encap_content_info", "certificates", "signer_infos")
# Not the certificates: the signature binds the signer's by its hash, and the others are bound by their issuers.
_OWN_FIELDS = ("version", "digest_algorithms", "encap_content_info", "signer_infos")

# Classes, method and tag of X.690, 8.1.2.
_UNIVERSAL, _CONTEXT = 0, 2
_CONSTRUCTED = 1
_SEQUENCE = 16


def has_only_form(signature: EmbeddedPdfSignature, document: bytes) -> bool:
    """Whether the container stands in the gap of its byte range, in the one form it can have."""
    gap = _gap(signature, document)
    if _ONE_SPELLING.fullmatch(gap) is None:
        return False
    content = bytes.fromhex(gap[1:-1].decode("ascii"))
    container = cms.ContentInfo.load(content)
    encoded = _encoded(container)
    padding = content[len(encoded) :]
    return (
        content == signature.pkcs7_content
        and content.startswith(encoded)
        and not any(padding)
        and _is_canonical(container["content"])
        and _names_exactly(container["content"], signature.signer_cert)
    )


def _gap(signature: EmbeddedPdfSignature, document: bytes) -> bytes:
    if len(signature.byte_range) != _WHOLE_RANGE:
        return b""
    start, length, resume, _ = (int(number) for number in signature.byte_range)
    return document[start + length : resume]


def _encoded(container: cms.ContentInfo) -> bytes:
    """The container put together anew from its fields: no bytes between or after them, lengths as DER wants them."""
    parts = [container["content"][field].dump() for field in _FIELDS]
    signed_data = parser.emit(_UNIVERSAL, _CONSTRUCTED, _SEQUENCE, b"".join(parts))
    content = parser.emit(_CONTEXT, _CONSTRUCTED, 0, signed_data)
    return bytes(parser.emit(_UNIVERSAL, _CONSTRUCTED, _SEQUENCE, container["content_type"].dump() + content))


def _is_canonical(signed_data: cms.SignedData) -> bool:
    if len(signed_data["signer_infos"]) != 1:
        return False
    signer_info = signed_data["signer_infos"][0]
    # Versions 1 by RFC 5652, 5.1 and 5.3: plain data, plain certificates, signer named by issuer and number.
    return (
        signed_data["version"].native == "v1"
        and signer_info["version"].native == "v1"
        and isinstance(signer_info["unsigned_attrs"], core.Void)
        and isinstance(signed_data["crls"], core.Void)
        and [each.dump() for each in signed_data["digest_algorithms"]] == [signer_info["digest_algorithm"].dump()]
        and all(_is_der(signed_data[field]) for field in _OWN_FIELDS)
    )


def _names_exactly(signed_data: cms.SignedData, certificate: x509.Certificate) -> bool:
    # Readers compare issuers without regard to case and blanks; here not one byte may differ.
    named = signed_data["signer_infos"][0]["sid"].chosen
    return bool(named["issuer"].dump() == certificate.issuer.dump())


def _is_der(value: core.Asn1Value) -> bool:
    return bool(value.copy().dump(force=True) == value.dump())
