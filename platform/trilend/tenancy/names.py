"""The names a company may take: subdomains that cannot be mistaken for another's, and credit codes."""

import unicodedata

from stdnum.cn import uscc as uscc_numbers
from stdnum.exceptions import ValidationError

from trilend.tenancy.errors import InvalidSlug

_SHORTEST, _LONGEST = 3, 30
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_RESERVED = frozenset(
    [
        "abuse",
        "account",
        "accounts",
        "admin",
        "api",
        "app",
        "assets",
        "auth",
        "bank",
        "billing",
        "blog",
        "cdn",
        "console",
        "dashboard",
        "demo-console",
        "dev",
        "developer",
        "developers",
        "docs",
        "download",
        "files",
        "ftp",
        "git",
        "help",
        "hostmaster",
        "imap",
        "localhost",
        "login",
        "mail",
        "market",
        "marketplace",
        "media",
        "mx",
        "news",
        "noc",
        "ns1",
        "ns2",
        "oauth",
        "ops",
        "outbox",
        "partner",
        "pay",
        "payment",
        "payments",
        "pop",
        "postmaster",
        "private",
        "public",
        "root",
        "sandbox",
        "security",
        "shop",
        "sign",
        "signup",
        "smtp",
        "ssl",
        "static",
        "status",
        "support",
        "test",
        "tls",
        "trilend",
        "upload",
        "vpn",
        "wap",
        "webmail",
        "www",
    ]
)
# What a reader takes for each other in an address bar: single letters, then pairs of what those look like.
_LETTERS = str.maketrans("01i52", "ollsz")
_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))


def check_slug(entered: str) -> str:
    """The subdomain in its one form; raises `InvalidSlug`.

    Full-width letters are taken for the usual ones; other scripts, and names encoded for them (`xn--`), are refused.
    """
    slug = unicodedata.normalize("NFKC", entered).strip().lower()
    shape = _SHORTEST <= len(slug) <= _LONGEST and slug[:1].isalpha() and not slug.endswith("-") and "--" not in slug
    if not shape or not _ALLOWED.issuperset(slug) or _is_reserved(look_of(slug)):
        raise InvalidSlug(slug)
    return slug


def look_of(slug: str) -> str:
    """What a subdomain looks like at a glance: equal for two that may be mistaken for each other."""
    look = slug.replace("-", "").translate(_LETTERS)
    for seen, taken_for in _PAIRS:
        look = look.replace(seen, taken_for)
    return look


def normal_uscc(entered: str) -> str:
    """A credit code as it is stored: capital letters and digits without the blanks and hyphens that people write."""
    return unicodedata.normalize("NFKC", entered).translate(_BETWEEN).upper()


def is_uscc(entered: str) -> bool:
    """Whether a unified social credit code (统一社会信用代码, GB 32100) has the right form and check digit."""
    number = normal_uscc(entered)
    if not number.isascii():
        return False
    try:
        uscc_numbers.validate(number)
    except ValidationError:
        return False
    return True


def _is_reserved(look: str) -> bool:
    """Words of the platform's own, and whatever passes itself off as the platform."""
    return look in _RESERVED_LOOKS or _BRAND in look


_BETWEEN = dict.fromkeys(map(ord, " \t-\u2010\u2013"))
_BRAND = look_of("trilend")
_RESERVED_LOOKS = frozenset(look_of(word) for word in _RESERVED)
