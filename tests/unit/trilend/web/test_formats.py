"""Amounts, rates, days and instants as they stand on a page."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from flask import Flask

from trilend.web.badges import STATES, TONES, status_badge
from trilend.web.formats import clauses, day, instant, money, percent
from trilend.web.links import url_with
from trilend.web.names import full_name


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Decimal("1234.5"), "1,234.50"),
        (Decimal("-35.2"), "-35.20"),
        (Decimal(0), "0.00"),
        (Decimal("99999999999999999.99"), "99,999,999,999,999,999.99"),
        (1000000, "1,000,000.00"),
        (None, "—"),
    ],
)
def test_money(amount: Decimal | int | None, written: str) -> None:
    assert money(amount) == written


def test_money_without_fen() -> None:
    assert money(Decimal(1500000), 0) == "1,500,000"


@pytest.mark.parametrize(
    ("rate", "written"), [(Decimal("0.128"), "12.80%"), (Decimal("0.00035"), "0.04%"), (1, "100.00%"), (None, "—")]
)
def test_percent(rate: Decimal | int | None, written: str) -> None:
    assert percent(rate) == written


def test_day_of_an_instant_is_shanghais() -> None:
    assert day(datetime(2026, 3, 31, 16, 30, tzinfo=UTC)) == "2026-04-01"
    assert day(date(2026, 2, 28)) == "2026-02-28"
    assert day(None) == "—"


def test_instant_is_shown_by_shanghais_clocks() -> None:
    assert instant(datetime(2026, 3, 31, 1, 5, 9, tzinfo=UTC)) == "2026-03-31 09:05"
    assert instant(datetime(2026, 3, 31, 1, 5, 9), seconds=True) == "2026-03-31 09:05:09"  # noqa: DTZ001
    assert instant(None) == "—"


def test_headline_is_cut_after_chinese_punctuation_only() -> None:
    assert clauses("小贷、担保，一套系统") == ["小贷、", "担保，", "一套系统"]
    assert clauses("One platform, three trades") == ["One platform, three trades"]


def test_link_keeps_the_other_arguments(app: Flask) -> None:
    with app.test_request_context("/loans?state=active&state=due&page=4&q=李 建国"):
        assert url_with(page=5) == "/loans?state=active&state=due&q=%E6%9D%8E+%E5%BB%BA%E5%9B%BD&page=5"
        assert url_with(page=None, state=None) == "/loans?q=%E6%9D%8E+%E5%BB%BA%E5%9B%BD"
        assert url_with(page=None, state=None, q=None) == "/loans"


def test_state_looks_the_same_everywhere(app: Flask) -> None:
    with app.test_request_context("/?lang=en"):
        assert status_badge("overdue") == '<span class="badge status-badge status-badge-danger">Overdue</span>'
        assert status_badge("overdue", "12 days", "warning") == (
            '<span class="badge status-badge status-badge-warning">12 days</span>'
        )
        assert status_badge("<odd>") == '<span class="badge status-badge status-badge-neutral">&lt;odd&gt;</span>'
        with pytest.raises(ValueError, match="no tone named 'pink'"):
            status_badge("active", tone="pink")
    assert {tone for tone, _ in STATES.values()} == TONES


@pytest.mark.parametrize(
    ("given", "family", "written"),
    [
        ("建国", "李", "李建国"),
        ("娜", "欧阳", "欧阳娜"),
        ("王芳", "", "王芳"),
        ("Ann", "Lee", "Ann Lee"),
        ("Ann", "", "Ann"),
        ("", "Lee", "Lee"),
        ("野", "𠮷", "𠮷野"),
        ("", "", ""),
    ],
)
def test_name_is_written_as_its_people_write_it(given: str, family: str, written: str) -> None:
    assert full_name(given, family) == written
