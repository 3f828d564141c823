"""Names in certificates by the Unicode of today, so that rare characters (𬭎, U+2CB4E) are allowed in them.

asn1crypto compares names by RFC 4518, whose table of unassigned code points is that of Unicode 3.2 (2002): any name
with a character of extension C or later is refused with a `ValueError`. Newer characters are added to names that
are otherwise compared as before.
"""

import stringprep
import unicodedata

from asn1crypto import x509


class _CurrentStringprep:
    """The tables of `stringprep`, save that a code point is unassigned only if this Python's Unicode says so."""

    @staticmethod
    def in_table_a1(character: str) -> bool:
        return unicodedata.category(character) == "Cn"

    def __getattr__(self, name: str) -> object:
        return getattr(stringprep, name)


def allow_current_unicode() -> None:
    """Let asn1crypto, in this process, accept every character that is assigned today; calling twice is harmless."""
    x509.stringprep = _CurrentStringprep()
