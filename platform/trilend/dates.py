"""The business calendar: China's working days, due dates that move off holidays, and months counted from an anchor."""

from calendar import monthrange
from datetime import date, timedelta
from enum import StrEnum

from chinese_calendar import holidays, workdays

_SATURDAY = 5
_DAYS_OF_EVERY_MONTH = 28


class HolidayRule(StrEnum):
    """What happens to a due date that is not a working day."""

    keep = "keep"
    next = "next"
    previous = "previous"


def is_working_day(day: date) -> bool:
    """Tell whether banks work on `day` in China: public holidays are off, make-up weekends are on.

    Holidays come from the State Council's yearly notice; in a year for which none is known, Monday to Friday.
    """
    return day in workdays or (day.weekday() < _SATURDAY and day not in holidays)


def adjust(day: date, rule: HolidayRule) -> date:
    """Return `day`, or the next or previous working day if it is none and `rule` says so."""
    if rule == HolidayRule.keep:
        return day
    step = timedelta(days=1 if rule == HolidayRule.next else -1)
    while not is_working_day(day):
        day += step
    return day


def month_anchor(start: date, months: int, day: int | None = None) -> date:
    """Return the date `months` months after `start`'s month, on `day` of the month (default: `start`'s own).

    A month too short for the day gives its last day, and the next month is unharmed: counted from 31 January,
    one month later is 28 February and two months later 31 March. Raises ValueError for a `day` outside 1 to 31.
    """
    wanted = start.day if day is None else day
    if not 1 <= wanted <= 31:
        raise ValueError(f"a day of the month lies between 1 and 31, not {wanted}")
    years, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if wanted > _DAYS_OF_EVERY_MONTH:
        wanted = min(wanted, monthrange(years, month + 1)[1])
    return date(years, month + 1, wanted)


def days_between(start: date, end: date) -> int:
    """Return the calendar days from `start` to `end`: the first day counts and the last does not."""
    return (end - start).days
