"""Names of companies: what an address may be, what looks like another one, and how numbers are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.numbers import new_uscc

from trilend.tenancy.errors import InvalidSlug
from trilend.tenancy.names import check_slug, is_uscc, look_of, normal_uscc


@pytest.mark.parametrize(
    ("entered", "taken_for"),
    [
        ("qingshan", "qingshan"),
        ("  QingShan ", "qingshan"),
        ("ｑｉｎｇｓｈａｎ", "qingshan"),
        ("ＱＩＮＧ－ｓｈａｎ８", "qing-shan8"),
        ("ⓠⓘⓝⓖ", "qing"),
    ],
)
def test_an_address_has_one_form_however_it_is_typed(entered: str, taken_for: str) -> None:
    assert check_slug(entered) == taken_for


@pytest.mark.parametrize(
    "entered",
    [
        *("ab", "a" * 31, "-abc", "abc-", "9lives", "a--b", "a_b", "a.b", "a b", "", "   "),
        # Other scripts, also where a letter looks like a Latin one, and names encoded for them.
        *(
            "青山",
            "qingshаn",
            "ɑpple",
            "ıstanbul",
            "İstanbul",
            "xn--qingshan",
            "xn--fiq228c",
            "qing\u200bshan",
            "qing\u00adshan",
        ),
        # Words of the platform's own, and what looks like them.
        *(
            "admin",
            "adm1n",
            "console",
            "c0nsole",
            "conso1e",
            "www",
            "vvww",
            "api",
            "ap1",
            "static",
            "sign-up",
            "5upport",
        ),
        *("trilend", "tri1end", "trilend-support", "my-trilend", "tr1lend"),
    ],
)
def test_an_address_that_may_mislead_is_refused(entered: str) -> None:
    with pytest.raises(InvalidSlug):
        check_slug(entered)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("modern", "modem"),
        ("qing-shan", "qingshan"),
        ("vvest", "west"),
        ("clean", "dean"),
        ("c1ean", "dean"),
        ("dean", "c1ean"),
        ("hello", "he11o"),
        ("hello", "heii0"),
        ("fuzhou", "fu2hou"),
        ("suzhou5", "suzhous"),
    ],
)
def test_two_that_look_alike_have_one_look(one: str, other: str) -> None:
    assert look_of(one) == look_of(other)


def test_two_that_do_not_look_alike_have_two_looks() -> None:
    names = ["qingshan", "jiangnan", "huaan", "ruifeng", "yuanxin", "hengxin"]
    assert len({look_of(name) for name in names}) == len(names)


@given(st.text(alphabet="abcdilmnorsvwz0125-", min_size=1, max_size=12))
def test_a_look_looks_like_itself(slug: str) -> None:
    assert look_of(look_of(slug)) == look_of(slug)


def test_a_credit_code_is_one_number_however_it_is_written() -> None:
    number = new_uscc()
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in number)
    for written in (number, f" {number} ", number.lower(), f"{number[:4]} {number[4:10]}-{number[10:]}", wide):
        assert is_uscc(written)
        assert normal_uscc(written) == number


@pytest.mark.parametrize(
    "wrong", ["", "91110105MA01AB3C7A", "9111010", "九一一一〇一〇五", "91110105MA01AB3C7", "' OR 1=1"]
)
def test_what_is_no_credit_code_is_none(wrong: str) -> None:
    assert not is_uscc(wrong)
