"""Money: exact, rounded by the product's own rule, and written as contracts write it."""

from decimal import ROUND_UP, Decimal, getcontext, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trilend.money import Rounding, RoundingMode, exact, format_yuan, in_words, yuan

amounts = st.integers(min_value=0, max_value=10**18 - 1).map(lambda cents: Decimal(cents).scaleb(-2))


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        ("half_up", ["0.13", "0.12", "0.14", "-0.13", "0.12"]),
        ("half_even", ["0.12", "0.12", "0.14", "-0.12", "0.12"]),
        ("down", ["0.12", "0.12", "0.13", "-0.12", "0.12"]),
        ("up", ["0.13", "0.13", "0.14", "-0.13", "0.12"]),
    ],
)
def test_each_mode_rounds_ties_and_rests_its_own_way(mode: str, rounded: list[str]) -> None:
    rounding = Rounding(RoundingMode(mode))
    values = [Decimal(text) for text in ("0.125", "0.121", "0.135", "-0.125", "0.12")]
    assert [str(rounding.apply(value)) for value in values] == rounded


def test_two_roundings_live_in_one_process() -> None:
    first, second = Rounding(RoundingMode.half_up), Rounding(RoundingMode.down, places=0)
    assert [str(first.apply(Decimal("1.995"))), str(second.apply(Decimal("1.995")))] == ["2.00", "1"]
    assert str(first.apply(Decimal("1.995"))) == "2.00"


def test_rounding_ignores_the_context_of_the_process() -> None:
    with localcontext() as hostile:
        hostile.prec, hostile.rounding = 3, ROUND_UP
        assert str(Rounding().apply(Decimal("123456789.125"))) == "123456789.13"
        assert format_yuan(Decimal("123456789.124")) == "123,456,789.12"


def test_what_a_division_cut_off_neither_hides_a_tie_nor_makes_a_cent() -> None:
    @exact
    def interest(principal: int) -> Decimal:
        return principal * (Decimal("0.07") / 12)

    assert str(Rounding().apply(interest(6))) == "0.04"
    assert str(Rounding(RoundingMode.up).apply(interest(600))) == "3.50"
    assert str(Rounding(RoundingMode.down).apply(interest(600))) == "3.50"


def test_exact_leaves_the_callers_context_alone() -> None:
    before = getcontext().prec
    assert len(str(exact(lambda: Decimal(1) / 3)())) == 52
    assert getcontext().prec == before


def test_nothing_is_never_negative() -> None:
    assert str(Rounding().apply(Decimal("-0.001"))) == "0.00"


@pytest.mark.parametrize("places", [-1, 9])
def test_rounding_refuses_absurd_places(places: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 8"):
        Rounding(places=places)


@pytest.mark.parametrize(
    ("value", "amount"), [("1234.50", "1234.50"), (" 7 ", "7"), (100, "100"), (Decimal("0.10"), "0.10"), (-3, "-3")]
)
def test_yuan_takes_text_whole_numbers_and_decimals_as_they_are(value: str | int | Decimal, amount: str) -> None:
    assert str(yuan(value)) == amount


@pytest.mark.parametrize("value", [1.5, True, None, b"1"])
def test_yuan_refuses_what_is_never_money(value: object) -> None:
    with pytest.raises(TypeError):
        yuan(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["", "ten", "1,000", "NaN", "Infinity", Decimal("NaN"), Decimal("-Infinity")])
def test_yuan_refuses_what_is_no_number(value: str | Decimal) -> None:
    with pytest.raises(ValueError, match="no amount of money"):
        yuan(value)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [("1234.5", "1,234.50"), ("0", "0.00"), ("-1234567.891", "-1,234,567.89"), ("0.005", "0.01"), ("999", "999.00")],
)
def test_amounts_are_shown_with_separators_and_cents(amount: str, shown: str) -> None:
    assert format_yuan(Decimal(amount)) == shown


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.50", "伍角整"),
        ("0.55", "伍角伍分"),
        ("1", "壹元整"),
        ("10", "壹拾元整"),
        ("100000", "壹拾万元整"),
        ("1409.50", "壹仟肆佰零玖元伍角整"),
        ("6007.14", "陆仟零柒元壹角肆分"),
        ("1680.32", "壹仟陆佰捌拾元零叁角贰分"),
        ("107000.53", "壹拾万柒仟元零伍角叁分"),
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),
        ("325.04", "叁佰贰拾伍元零肆分"),
        ("10010", "壹万零壹拾元整"),
        ("10000000", "壹仟万元整"),
        ("100000000", "壹亿元整"),
        ("100000001", "壹亿零壹元整"),
        ("200001000", "贰亿零壹仟元整"),
        ("1234567890.12", "壹拾贰亿叁仟肆佰伍拾陆万柒仟捌佰玖拾元零壹角贰分"),
        ("1200000000003", "壹万贰仟亿零叁元整"),
        ("10000000000000", "壹拾万亿元整"),
        ("9999999999999999.99", "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_amounts_in_capital_numerals(amount: str, words: str) -> None:
    assert in_words(Decimal(amount)) == words


def read_words(words: str) -> Decimal:
    """Read capital numerals back, by a way of its own."""
    units = {"仟": 1000, "佰": 100, "拾": 10}
    total, section, digit, cents = 0, 0, 0, 0
    for sign in words:
        if sign in "零壹贰叁肆伍陆柒捌玖":
            digit = "零壹贰叁肆伍陆柒捌玖".index(sign)
        elif sign in units:
            section, digit = section + digit * units[sign], 0
        elif sign == "万":
            total, section, digit = total + (section + digit) * 10_000, 0, 0
        elif sign == "亿":
            total, section, digit = (total + section + digit) * 10**8, 0, 0
        elif sign == "元":
            total, section, digit = total + section + digit, 0, 0
        elif sign in "角分":
            cents, digit = cents + digit * (10 if sign == "角" else 1), 0
    return total + Decimal(cents).scaleb(-2)


@given(amounts)
def test_capital_numerals_read_back_as_the_same_amount(amount: Decimal) -> None:
    words = in_words(amount)
    assert read_words(words) == amount
    assert "零零" not in words
    assert words.endswith(("整", "分"))


@pytest.mark.parametrize("amount", ["-0.01", "10000000000000000", "0.001"])
def test_words_are_refused_for_what_no_contract_says(amount: str) -> None:
    with pytest.raises(ValueError, match=r"written in words|fraction of a cent"):
        in_words(Decimal(amount))
