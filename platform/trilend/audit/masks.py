"""Hides personal numbers: the middle of one, and those that somebody typed into a text."""

import re

from stdnum import luhn

_RESIDENT_ID = r"[1-9]\d{5}(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])\d{3}[\dXx]"
_MOBILE = r"1[3-9]\d{9}"
_CARD = r"6\d{15,18}"
_PERSONAL = re.compile(
    rf"(?<![0-9A-Za-z])(?:(?P<id>{_RESIDENT_ID})|(?P<mobile>{_MOBILE})|(?P<card>{_CARD}))(?![0-9A-Za-z])"
)


def masked(value: str, *, head: int = 3, tail: int = 4) -> str:
    """A value with its middle hidden: enough to recognise, not to use."""
    if len(value) <= head + tail:
        return "*" * len(value)
    return f"{value[:head]}{'*' * (len(value) - head - tail)}{value[-tail:]}"


def without_personal_numbers(text: str) -> str:
    """The text with resident ids, mobile numbers and bank cards masked; other numbers, such as a bank's references, stay."""
    return _PERSONAL.sub(_mask, text)


def _mask(match: re.Match[str]) -> str:
    number = match.group()
    return number if match["card"] and not luhn.is_valid(number) else masked(number)
