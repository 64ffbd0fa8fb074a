"""The sandbox's clock, as text whose order is time order."""

from datetime import UTC, datetime, timedelta

TIME_MIN, TIME_MAX = "0001", "9999"  # before and after every stamp


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC, always with six decimals: text order is time order."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def now() -> str:
    return stamp(datetime.now(UTC))


def before(seconds: float) -> str:
    """The stamp of that long ago."""
    return stamp(datetime.now(UTC) - timedelta(seconds=seconds))


def unix_s(text: str) -> int:
    """The whole second that a stamp lies in."""
    return int(datetime.fromisoformat(text).timestamp())


def at_unix_s(seconds: int) -> str:
    """Raises ValueError beyond the year 9999."""
    try:
        return stamp(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, OSError) as error:
        raise ValueError("not a time") from error
