"""Yuan as Decimal: exact arithmetic, rounding as a value, and the ways an amount is written."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Context,
    Decimal,
    DivisionByZero,
    InvalidOperation,
    Overflow,
    localcontext,
)
from enum import StrEnum
from functools import cached_property, wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

EXACT = Context(prec=50, rounding=ROUND_HALF_EVEN, traps=[InvalidOperation, DivisionByZero, Overflow])
"""The arithmetic of all lending code: 50 digits, whatever context the process or thread has set."""

_NOISE = Decimal("1E-18")
_MOST_PLACES = 8


def exact(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` in the arithmetic of `EXACT` and leave the caller's decimal context as it was."""

    @wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return run


class RoundingMode(StrEnum):
    """What happens to the digits below the last one kept; `down` is towards zero, `up` away from it."""

    half_up = "half_up"
    half_even = "half_even"
    down = "down"
    up = "up"


_DECIMAL_MODES = {
    RoundingMode.half_up: ROUND_HALF_UP,
    RoundingMode.half_even: ROUND_HALF_EVEN,
    RoundingMode.down: ROUND_DOWN,
    RoundingMode.up: ROUND_UP,
}


@dataclass(frozen=True)
class Rounding:
    """How a product rounds money: a mode and the number of decimal places (0 to 8), kept with the product."""

    mode: RoundingMode = RoundingMode.half_up
    places: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.places <= _MOST_PLACES:
            raise ValueError(f"rounding places must lie between 0 and {_MOST_PLACES}, not {self.places}")
        object.__setattr__(self, "mode", RoundingMode(self.mode))

    @cached_property
    def zero(self) -> Decimal:
        """Nothing, with this rounding's decimal places."""
        return Decimal((0, (0,), -self.places))

    def apply(self, value: Decimal) -> Decimal:
        """Return `value` rounded to `places`; never a negative zero.

        What a division leaves behind the 18th place is dropped first: 6 yuan at 7 % / 12 is the tie 0.035, also
        when the twelfth was cut off after fifty digits, and 3.5 is not rounded up to 3.51.
        """
        if not value.is_finite():
            raise ValueError(f"{value} is no amount of money")
        clean = value.quantize(_NOISE, rounding=ROUND_HALF_EVEN, context=EXACT)
        rounded = clean.quantize(self._unit, rounding=self._decimal_mode, context=EXACT)
        return rounded or self.zero

    @cached_property
    def _unit(self) -> Decimal:
        return Decimal((0, (1,), -self.places))

    @cached_property
    def _decimal_mode(self) -> str:
        return _DECIMAL_MODES[self.mode]


CENTS = Rounding()
"""Half up to two places: how amounts are shown, and what a product has that names no other rounding."""


def yuan(value: str | int | Decimal) -> Decimal:
    """Return `value` as an exact amount in yuan.

    Raises TypeError for a float or bool, which are never money, and ValueError for text that is no plain number,
    NaN or infinity. Nothing is rounded.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise TypeError(f"money is text, int or Decimal, not {type(value).__name__}")
    try:
        amount = Decimal(value.strip() if isinstance(value, str) else value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is no amount of money") from None
    if not amount.is_finite():
        raise ValueError(f"{value!r} is no amount of money")
    return amount


def format_yuan(amount: Decimal) -> str:
    """Return `amount` with thousands separators and two places: 1,234.50 (half up if it has more)."""
    return f"{CENTS.apply(amount):,.2f}"


_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_PLACES = ("仟", "佰", "拾", "")
_GROUPS = ("", "万", "亿", "万亿")
_MOST_IN_WORDS = Decimal(10) ** 16


def in_words(amount: Decimal) -> str:
    """Return `amount` in capital numerals, as contracts and receipts need it: 1409.50 is 壹仟肆佰零玖元伍角整.

    Follows 支付结算办法 annex 1, in the first of the forms it allows where it allows two (1,680.32 is
    壹仟陆佰捌拾元零叁角贰分). Raises ValueError for a negative amount, a fraction of a cent and 10^16 yuan or more.
    """
    if amount < 0 or amount >= _MOST_IN_WORDS:
        raise ValueError(f"{amount} cannot be written in words")
    if CENTS.apply(amount) != amount:
        raise ValueError(f"{amount} has a fraction of a cent; round it first")
    whole, cents = divmod(int(amount.scaleb(2, EXACT)), 100)
    return _whole_in_words(whole, cents) + _cents_in_words(whole, cents)


def _whole_in_words(whole: int, cents: int) -> str:
    if whole == 0:
        return "" if cents else "零元"
    words, gap = "", False
    for power in (3, 2, 1, 0):
        group = whole // 10_000**power % 10_000
        if group == 0:
            gap = True
            continue
        needs_zero = words and (gap or group < 1000)
        words += ("零" if needs_zero else "") + _group_in_words(group) + _unit_of(power, whole)
        gap = False
    return words + "元"


def _unit_of(power: int, whole: int) -> str:
    # 1,2345,0000,0000 is 壹万贰仟叁佰肆拾伍亿: the 亿 is said once, after the lower of its two groups
    if power == 3 and whole // 10_000**2 % 10_000:
        return "万"
    return _GROUPS[power]


def _group_in_words(group: int) -> str:
    words, gap = "", False
    for digit, place in zip(f"{group:04}", _PLACES, strict=True):
        if digit == "0":
            gap = bool(words)
            continue
        words += ("零" if gap else "") + _DIGITS[int(digit)] + place
        gap = False
    return words


def _cents_in_words(whole: int, cents: int) -> str:
    jiao, fen = divmod(cents, 10)
    if cents == 0:
        return "整"
    words = ""
    if whole and (jiao == 0 or whole % 10 == 0):
        words = "零"
    if jiao:
        words += _DIGITS[jiao] + "角"
    return words + (_DIGITS[fen] + "分" if fen else "整")
