"""Asks a timestamp authority (RFC 3161) to sign a text with the time, and verifies what it signed."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from hashlib import new as new_hash
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
from asn1crypto import cms, pem, tsp, x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.timestamps import TimeStamper, TimestampRequestError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError

from trilend.auditing.errors import TimestampRefused, TimestampUnavailable
from trilend.config import settings

_SECONDS = 15.0
_LARGEST = 64 * 1024


@dataclass(frozen=True)
class Stamp:
    """Who signed, and when by the signer's own clock."""

    signer: str
    at: datetime


class _Authority(TimeStamper):
    def __init__(self, url: str) -> None:
        self._url = url
        super().__init__()  # type: ignore[no-untyped-call]

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Post the query; whatever is not a reply of the protocol is an error."""
        try:
            async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=False) as client:
                answer = await client.post(
                    self._url,
                    content=req.dump(),
                    headers={"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"},
                )
        except httpx.HTTPError as error:
            raise TimestampUnavailable(type(error).__name__) from error
        if answer.status_code >= 500 or answer.status_code == 429:
            raise TimestampUnavailable(f"HTTP {answer.status_code}")
        if answer.headers.get("Content-Type") != "application/timestamp-reply" or len(answer.content) > _LARGEST:
            raise TimestampRefused(f"HTTP {answer.status_code}")
        return tsp.TimeStampResp.load(answer.content)


def is_configured() -> bool:
    """Whether this installation asks an authority."""
    return settings().timestamp_url is not None


def request_timestamp(statement: bytes) -> bytes:
    """A token (DER) over the SHA-256 of a text; raises `TimestampUnavailable`, `TimestampRefused`.

    What the authority sent is not trusted before `verify_timestamp` has looked at it.
    """
    url = settings().timestamp_url
    if url is None:
        raise RuntimeError("no timestamp authority is configured")
    try:
        token = asyncio.run(_Authority(url.get_secret_value()).async_timestamp(sha256(statement).digest(), "sha256"))
    except (TimestampRequestError, ValueError, TypeError) as error:
        raise TimestampRefused(str(error)[:200]) from error
    return bytes(token.dump())


def verify_timestamp(statement: bytes, token: bytes) -> Stamp:
    """Who signed this very text and when, by the configured certificates; raises `TimestampRefused`.

    The certificate must have been valid at the moment that the token names: a token stays good when it expires.
    """
    try:
        signed = cms.ContentInfo.load(token, strict=True)["content"]
        moment = signed["encap_content_info"]["content"].parsed["gen_time"].native
        context = ValidationContext(
            trust_roots=trusted(), moment=moment, allow_fetching=False, revocation_mode="soft-fail"
        )
        found: dict[str, Any] = asyncio.run(
            validate_tst_signed_data(signed, context, lambda name: new_hash(name, statement).digest())
        )
    except (PdfError, PathError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TimestampRefused(str(error)[:200] or type(error).__name__) from error
    if not (found["intact"] and found["valid"]):
        raise TimestampRefused("it does not sign this text")
    if found["validation_path"] is None:
        raise TimestampRefused("its certificate does not lead to a trusted one")
    return Stamp(found["signing_cert"].subject.human_friendly[:300], moment)


def trusted() -> list[x509.Certificate]:
    """The certificates of authorities that this installation trusts; raises `TimestampRefused` if there are none."""
    path = settings().timestamp_certificates
    if path is None or not Path(path).is_file():
        raise TimestampRefused("no certificates are configured")
    content = Path(path).read_bytes()
    return [x509.Certificate.load(der) for _, _, der in pem.unarmor(content, multiple=True)]
