"""Numbers, amounts, times and sizes as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

NARROW_SPACE = "\u202f"
LAMPORTS_PER_SOL = 1_000_000_000
JOULES_PER_KWH = 3_600_000


def number(value: float, decimals: int = 0) -> str:
    """A number with narrow spaces between thousands: ``18 420``."""
    return f"{value:,.{decimals}f}".replace(",", NARROW_SPACE)


def percent(share: float, decimals: int = 1) -> str:
    """A share of one in per cent: 0.81 → ``81.0 %``."""
    return f"{100 * share:.{decimals}f} %"


def sol(lamports: int) -> str:
    """Lamports in SOL without trailing zeros: 1 500 000 000 → ``1.5``."""
    whole, rest = divmod(abs(int(lamports)), LAMPORTS_PER_SOL)
    digits = f"{rest:09d}".rstrip("0")
    sign = "−" if lamports < 0 else ""
    return f"{sign}{number(whole)}{'.' + digits if digits else ''}"


def size(count: float) -> str:
    """A number of bytes in the unit that keeps it short: 262 144 → ``256 KiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024 or unit == "GiB":
            digits = 0 if unit == "B" or count >= 100 else 1
            return f"{number(count, digits)} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


def duration(seconds: float) -> str:
    """A span of time in its largest one or two units: ``1 day 6 h``, ``42 s``, ``11 ms``."""
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole < 600 and whole % 60 else "")
    if whole < 86_400:
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60} min" if whole % 3600 >= 60 else "")
    days = whole // 86_400
    hours = whole % 86_400 // 3600
    return f"{days} day{'s' if days > 1 else ''}" + (f" {hours} h" if hours and days < 7 else "")


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago, in words: ``just now``, ``2 min ago``, ``3 days ago``."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds < 5:
        return "just now"
    if seconds >= 86_400:
        return duration(seconds // 86_400 * 86_400) + " ago"
    return duration(seconds if seconds < 60 else seconds // 60 * 60) + " ago"


def day(moment: datetime) -> str:
    """A moment as date and time in UTC: ``23 Nov 2026, 19:16 UTC``."""
    return moment.astimezone(UTC).strftime("%-d %b %Y, %H:%M UTC")


def short(value: str, keep: int = 4) -> str:
    """An address or hash with its middle left out: ``7dQm…x5Cw``."""
    return value if len(value) <= 2 * keep + 1 else f"{value[:keep]}…{value[-keep:]}"


def energy(joules: float) -> tuple[str, str]:
    """Joules as (number, unit) in kWh, Wh or J, whichever reads without leading zeros."""
    for scale, unit in ((3_600_000, "kWh"), (3600, "Wh"), (1, "J")):
        if joules >= 0.1 * scale or unit == "J":
            return f"{joules / scale:.3g}", unit
    raise AssertionError("unreachable")


def emissions(milligrams: int, joules: int) -> tuple[str, str]:
    """A record's emissions as (number, unit).

    The chain holds whole milligrams, rounded to the nearest, so a small job's can round to none.
    """
    return ("< 0.5", "mg CO₂e") if joules and not milligrams else carbon(milligrams)


def carbon(milligrams: float) -> tuple[str, str]:
    """Milligrams of CO₂e as (number, unit) in kg, g or mg."""
    for scale, unit in ((1_000_000, "kg CO₂e"), (1000, "g CO₂e"), (1, "mg CO₂e")):
        if milligrams >= scale or unit == "mg CO₂e":
            return f"{milligrams / scale:.3g}", unit
    raise AssertionError("unreachable")
