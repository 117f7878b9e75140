"""Numbers, times and dates as the window writes them: at most three significant digits, the unit beside."""

from __future__ import annotations

import datetime
import math
import time

MINUS = "\u2212"
THIN = "\u202f"
"""Narrow no-break space: between a number and its unit."""

NONE = "\u2013"
"""What stands where there is no value."""


def _plain(value: float, digits: int) -> str:
    """`value` with at most `digits` significant digits, no exponent, a real minus sign."""
    if value == 0:
        return "0"
    value = _rounded(value, digits)
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(places, 12)}f}".replace("-", MINUS)


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")


def number(value: float | None, digits: int = 3) -> str:
    """A bare number: `0.0457`, `3.14`, `12.3k`, `4.5M`; tiny and huge ones as `2e\u22124`."""
    if value is None or not math.isfinite(value):
        return NONE
    size = abs(_rounded(value, digits))
    for limit, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if limit <= size < 1e15:
            scale = 1e3 if letter == "k" else limit
            return _plain(value / scale, digits) + letter
    if size >= 1e15 or 0 < size < 1e-3:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        short = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{short}e{int(exponent)}".replace("-", MINUS)
    return _plain(value, digits)


def count(value: float | None) -> str:
    """A whole number: exact with thousands separators below 10,000, short above (`12.3k`)."""
    if value is None or not math.isfinite(value):
        return NONE
    if abs(value) < 10_000:
        return f"{round(value):,}".replace("-", MINUS)
    return number(value)


def exact(value: float | None) -> str:
    """A number in full, for hovers."""
    if value is None or not math.isfinite(value):
        return NONE
    return (f"{value:,.0f}" if float(value).is_integer() else f"{value:,.6g}").replace("-", MINUS)


def how_far(done: int, total: int, unit: str) -> str:
    """How far something is: `50 of 200 trajectories`, a percentage where what is counted has no name, nothing where it
    is not known how much there is."""
    if total <= 0:
        return ""
    return f"{count(done)} of {count(total)} {unit}" if unit else percent(done / total)


def percent(fraction: float | None) -> str:
    """A fraction as `50.2 %`."""
    if fraction is None or not math.isfinite(fraction):
        return NONE
    value = 100 * fraction
    text = f"{value:.0f}" if abs(value) >= 99.95 else f"{value:.1f}"
    return f"{text.replace('-', MINUS)}{THIN}%"


def points(fraction: float | None, *, signed: bool = False) -> str:
    """A difference of fractions in percentage points: `2.4 pt`, signed: `+2.4 pt`."""
    if fraction is None or not math.isfinite(fraction):
        return NONE
    value = 100 * fraction
    text = f"{value:+.1f}" if signed else f"{value:.1f}"
    if float(text) == 0:
        text = "0.0"
    return f"{text.replace('-', MINUS)}{THIN}pt"


def ratio(value: float | None) -> str:
    """`0.45\u00d7`."""
    if value is None or not math.isfinite(value):
        return NONE
    return f"{value:.2f}\u00d7" if value < 10 else f"{value:.0f}\u00d7"


def duration(seconds: float | None) -> str:
    """`8 s`, `2 min`, `1 h 20 min`, `3 d 4 h`."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return NONE
    if seconds < 10 and seconds != round(seconds):
        return f"{seconds:.1f}{THIN}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}{THIN}s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes}{THIN}min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{THIN}h" + (f" {minutes}{THIN}min" if minutes else "")
    days, hours = divmod(hours, 24)
    return f"{days}{THIN}d" + (f" {hours}{THIN}h" if hours else "")


def relative(at: float | None, now: float | None = None) -> str:
    """A time (seconds since 1970) as `just now`, `8 min ago`, `3 h ago`, `yesterday`, `4 days ago`, `12 Nov 2026`."""
    if at is None:
        return NONE
    now = time.time() if now is None else now
    age = max(0.0, now - at)
    if age < 45:
        return "just now"
    if age < 3600:
        return f"{max(1, round(age / 60))}{THIN}min ago"
    then = datetime.datetime.fromtimestamp(at)
    days = (datetime.datetime.fromtimestamp(now).date() - then.date()).days
    if days == 0 or age < 6 * 3600:
        return f"{round(age / 3600)}{THIN}h ago"
    if days == 1:
        return "yesterday"
    if days < 7:
        return f"{days} days ago"
    return f"{then.day} {then:%b %Y}"


def moment(at: float | None) -> str:
    """A time in full, for hovers: `2026-11-22 14:03:11`."""
    return NONE if at is None else f"{datetime.datetime.fromtimestamp(at):%Y-%m-%d %H:%M:%S}"


def moment_utc(at: float | None) -> str:
    """A time in full as programs read it: `2026-11-22T14:03:11Z`; nothing where there is none."""
    return "" if at is None else f"{datetime.datetime.fromtimestamp(at, datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"


def size(count_of_bytes: float) -> str:
    """`1.2 GB`, powers of a thousand."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count_of_bytes >= limit:
            return f"{count_of_bytes / limit:.1f}{THIN}{unit}"
    return f"{count_of_bytes:.0f}{THIN}B"
