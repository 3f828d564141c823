"""Which host names a tenant may claim, in the one form in which they are kept."""

import ipaddress
import unicodedata

import idna
from flask_babel import lazy_gettext as _l

from trilend.config import settings
from trilend.tenancy.domains.errors import InvalidDomain

# Names that mean something on every network, or on none (RFC 2606, 6761, 6762, 7686 and their like).
_SPECIAL = frozenset(
    [
        "alt",
        "arpa",
        "corp",
        "example",
        "home",
        "internal",
        "intranet",
        "invalid",
        "lan",
        "local",
        "localhost",
        "onion",
        "private",
        "test",
    ]
)


def check_host(entered: str) -> str:
    """The host name as the DNS has it; raises `InvalidDomain` with a sentence for whoever entered it.

    Chinese names are taken (and kept as `xn--…`); other scripts than Latin and Chinese are not, nor a mixture of them in
    one label beyond digits and hyphen: their letters are mistaken for others.
    """
    text = unicodedata.normalize("NFKC", entered).strip().rstrip(".").lower().replace("。", ".")
    if "//" in text or "/" in text or ":" in text or "@" in text:
        raise InvalidDomain(_l("Enter the name alone, such as loans.example.cn, without https:// and without a path."))
    try:
        host = idna.encode(text, uts46=True).decode()
        shown = idna.decode(host)
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidDomain(_l("This is not a domain name. Check its spelling.")) from error
    labels = shown.split(".")
    if len(labels) < 2 or _is_address(host) or labels[-1] in _SPECIAL or labels[-1].isdigit():
        raise InvalidDomain(_l("Enter a whole public domain name, such as loans.example.cn."))
    if not all(_is_readable(label) for label in labels):
        raise InvalidDomain(_l("Use Latin or Chinese letters, not both in one part: others are easily mistaken."))
    base = settings().base_host
    if host == base or host.endswith(f".{base}"):
        raise InvalidDomain(_l("Names below the platform's own domain cannot be claimed. Enter a domain of yours."))
    if len(host) > 200:
        raise InvalidDomain(_l("This domain name is too long."))
    return host


def shown_host(host: str) -> str:
    """A host name as people write it."""
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_readable(label: str) -> bool:
    letters = [letter for letter in label if not letter.isdigit() and letter != "-"]
    latin = all("a" <= letter <= "z" for letter in letters)
    chinese = all(unicodedata.name(letter, "").startswith("CJK UNIFIED") for letter in letters)
    plain = all(letter.isascii() for letter in label if letter.isdigit())
    return plain and (latin or chinese)
