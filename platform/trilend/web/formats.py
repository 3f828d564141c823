"""How amounts, rates, days and instants are written on a page, the same in all three languages."""

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from trilend.web.language import TIME_ZONE

NOTHING = "—"
_CLAUSE = re.compile("(?<=[，。：；、！？])")
_SHANGHAI = ZoneInfo(TIME_ZONE)


def money(amount: Decimal | int | None, places: int = 2) -> str:
    """An amount in yuan with separators, `1,234.50`; a dash for none."""
    return NOTHING if amount is None else f"{amount:,.{places}f}"


def percent(rate: Decimal | int | None, places: int = 2) -> str:
    """A rate given as a fraction, `0.128` as `12.80%`; a dash for none."""
    return NOTHING if rate is None else f"{Decimal(rate) * 100:,.{places}f}%"


def day(value: date | None) -> str:
    """A calendar day, `2026-03-31`; of an instant, its day in Shanghai."""
    if value is None:
        return NOTHING
    return (_in_shanghai(value) if isinstance(value, datetime) else value).strftime("%Y-%m-%d")


def instant(value: datetime | None, seconds: bool = False) -> str:
    """An instant as Shanghai's clocks showed it, `2026-03-31 09:05`; one without a zone is taken as UTC."""
    if value is None:
        return NOTHING
    return _in_shanghai(value).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def clauses(text: str) -> list[str]:
    """A headline cut after its Chinese punctuation, so that a line can break there before it breaks a phrase."""
    return [part for part in _CLAUSE.split(text) if part]


def _in_shanghai(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(_SHANGHAI)
