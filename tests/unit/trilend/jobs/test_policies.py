"""How long failed work waits, and when scheduled work is due: pure figures."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as some

from trilend.jobs.errors import InvalidTime
from trilend.jobs.handlers import Policy
from trilend.jobs.schedules import next_after


def test_the_ceiling_doubles_up_to_the_cap() -> None:
    policy = Policy(base_seconds=4, cap_seconds=60)
    assert [policy.ceiling(attempt) for attempt in range(1, 7)] == [4, 8, 16, 32, 60, 60]


@given(some.integers(1, 1000), some.floats(0.1, 60), some.floats(0.1, 3600))
def test_a_wait_is_drawn_from_nothing_to_the_ceiling(attempt: int, base: float, cap: float) -> None:
    policy = Policy(base_seconds=base, cap_seconds=cap)
    drawn: list[tuple[float, float]] = []

    def draw(low: float, high: float) -> float:
        drawn.append((low, high))
        return high

    assert policy.delay(attempt, draw) == policy.ceiling(attempt) <= cap
    assert drawn == [(0.0, policy.ceiling(attempt))]


def test_jobs_that_failed_together_do_not_come_back_together() -> None:
    policy = Policy(base_seconds=100, cap_seconds=100)
    waits = [policy.delay(1) for _ in range(200)]
    assert min(waits) < 25
    assert max(waits) > 75


@pytest.mark.parametrize(
    ("cron", "after", "due"),
    [
        ("10 0 * * *", "2026-08-01T00:09:59+08:00", "2026-08-01T00:10:00+08:00"),
        ("10 0 * * *", "2026-08-01T00:10:00+08:00", "2026-08-02T00:10:00+08:00"),
        ("10 0 * * *", "2026-07-31T16:20:00+00:00", "2026-08-02T00:10:00+08:00"),
        ("30 6 1 * *", "2026-08-15T12:00:00+08:00", "2026-09-01T06:30:00+08:00"),
        ("0 9 * * 1", "2026-08-01T12:00:00+08:00", "2026-08-03T09:00:00+08:00"),
        ("*/15 * * * *", "2026-12-31T23:50:00+08:00", "2027-01-01T00:00:00+08:00"),
    ],
)
def test_a_cron_line_is_read_in_the_tenants_time_zone(cron: str, after: str, due: str) -> None:
    assert next_after(cron, "Asia/Shanghai", datetime.fromisoformat(after)) == datetime.fromisoformat(due)


@given(some.integers(0, 23), some.integers(0, 59), some.integers(1_577_836_800, 2_208_988_800))
def test_a_daily_time_comes_within_a_day(hour: int, minute: int, moment: int) -> None:
    instant = datetime.fromtimestamp(moment, UTC)
    due = next_after(f"{minute} {hour} * * *", "Asia/Shanghai", instant)
    assert timedelta(0) < due - instant <= timedelta(days=1)
    assert (due.hour, due.minute, due.second, due.microsecond) == (hour, minute, 0, 0)


@pytest.mark.parametrize("cron", ["", "every day", "99 0 * * *", "1 2 3"])
def test_what_is_no_cron_line_is_refused(cron: str) -> None:
    with pytest.raises(InvalidTime):
        next_after(cron, "Asia/Shanghai", datetime(2026, 8, 1, tzinfo=UTC))
