"""The head of sealed bytes that says by which of a tenant's data keys they are sealed."""

from trilend.tenancy.context import FIRST_KEY

_MARK = b"\x00trilend"
_NUMBER = 4
HEAD = len(_MARK) + _NUMBER
"""How many bytes before a sealed value say which data key it was sealed with."""


def head_of(number: int) -> bytes:
    """What stands before a value that was sealed with this data key.

    Nothing for the first one: such values look as they did before keys had numbers, so that processes of both releases
    read each other's while one is rolled out. A value without a mark begins with 12 random bytes; that they look like
    a mark happens once in 2^64 values.
    """
    return b"" if number == FIRST_KEY else _MARK + number.to_bytes(_NUMBER, "big")


def number_of(sealed: bytes) -> int:
    """The number of the data key that a value was sealed with."""
    if not sealed.startswith(_MARK):
        return FIRST_KEY
    return int.from_bytes(sealed[len(_MARK) : HEAD], "big")
