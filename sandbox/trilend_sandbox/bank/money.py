"""Amounts as integer fen inside the bank and as text in yuan outside."""

import re

_YUAN = re.compile(r"(0|[1-9][0-9]{0,12})(?:\.([0-9]{1,2}))?")


def parse_yuan(text: str) -> int:
    """Fen from a plain amount in yuan such as `123.45`.

    At most thirteen digits before the point and two after it, no sign, no separators; raises `ValueError`.
    """
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("an amount is written like 123.45")
    yuan, fen = match.groups(default="")
    return int(yuan) * 100 + int(fen.ljust(2, "0"))


def format_yuan(fen: int) -> str:
    """An amount in yuan with two decimals from fen, `-0.05` for -5."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def format_yuan_for_people(fen: int) -> str:
    """An amount in yuan with two decimals and thousands separators."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
