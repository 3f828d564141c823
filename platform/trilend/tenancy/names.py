"""The names a company may take: subdomains that cannot be mistaken for another's, and credit codes."""

import unicodedata

from stdnum.cn import uscc as uscc_numbers
from stdnum.exceptions import ValidationError

from trilend.tenancy.errors import InvalidSlug

_SHORTEST, _LONGEST = 3, 30
_ALLOWED = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")
_RESERVED = frozenset(
    [
        "admin",
        "api",
        "app",
        "auth",
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
        "ftp",
        "help",
        "imap",
        "login",
        "mail",
        "market",
        "marketplace",
        "news",
        "ns1",
        "ns2",
        "oauth",
        "ops",
        "outbox",
        "partner",
        "pop",
        "root",
        "security",
        "shop",
        "sign",
        "signup",
        "smtp",
        "static",
        "status",
        "support",
        "test",
        "tls",
        "trilend",
        "webmail",
        "www",
    ]
)
# What a reader takes for each other in an address bar; longer ones first.
_LOOK_ALIKES = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("i", "l"), ("5", "s"), ("2", "z"))


def check_slug(entered: str) -> str:
    """The subdomain in its one form; raises `InvalidSlug`.

    Full-width letters are taken for the usual ones; other scripts, and names encoded for them (`xn--`), are refused.
    """
    slug = unicodedata.normalize("NFKC", entered).strip().lower()
    shape = _SHORTEST <= len(slug) <= _LONGEST and slug[:1].isalpha() and not slug.endswith("-") and "--" not in slug
    if not shape or not _ALLOWED.issuperset(slug) or look_of(slug) in _RESERVED_LOOKS:
        raise InvalidSlug(slug)
    return slug


def look_of(slug: str) -> str:
    """What a subdomain looks like at a glance: equal for two that may be mistaken for each other."""
    look = slug.replace("-", "")
    for seen, taken_for in _LOOK_ALIKES:
        look = look.replace(seen, taken_for)
    return look


def is_uscc(number: str) -> bool:
    """Whether a unified social credit code (统一社会信用代码, GB 32100) has the right form and check digit."""
    try:
        uscc_numbers.validate(number)
    except ValidationError:
        return False
    return True


_RESERVED_LOOKS = frozenset(look_of(word) for word in _RESERVED)
