"""Amounts go through text without loss."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trilend_sandbox.bank.money import format_yuan, format_yuan_for_people, parse_yuan


@given(st.integers(min_value=0, max_value=10**15 - 1))
def test_fen_survive_being_written(fen):
    assert parse_yuan(format_yuan(fen)) == fen


@pytest.mark.parametrize(("text", "fen"), [("0", 0), ("1.5", 150), ("123.45", 12345), ("9999999999999.99", 10**15 - 1)])
def test_amount_is_read(text, fen):
    assert parse_yuan(text) == fen


@pytest.mark.parametrize("text", ["", ".5", "1.", "1.234", "-1", "+1", "01", "1,000", "1e3", "１", " 1", "1\n"])
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="an amount is written like"):
        parse_yuan(text)


def test_amounts_below_zero_keep_their_sign():
    assert format_yuan(-5) == "-0.05"
    assert format_yuan_for_people(-123456789) == "-1,234,567.89"
