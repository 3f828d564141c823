"""The bank's time: instants in UTC, booking dates in China."""

from datetime import UTC, date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8))


def utc_now() -> datetime:
    """The present instant in UTC."""
    return datetime.now(UTC)


def today_in_china() -> date:
    """The calendar date in China at this moment."""
    return datetime.now(CHINA).date()


def wire_instant(moment: datetime) -> str:
    """An instant in RFC 3339, UTC, microseconds, ending in `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
