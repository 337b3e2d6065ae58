"""Numbers, amounts and times in the dashboard's words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.ui import format as words

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("lamports", "shown"),
    [
        (0, "0"),
        (1, "0.000000001"),
        (1_500_000_000, "1.5"),
        (12_345_000_000_000, "12\u202f345"),
        (-4_200_000_000, "−4.2"),
    ],
)
def test_lamports_in_sol(lamports: int, shown: str) -> None:
    assert words.sol(lamports) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (2048, "2.0 KiB"),
        (262_144, "256 KiB"),
        (23_000_000, "21.9 MiB"),
        (5 << 30, "5.0 GiB"),
    ],
)
def test_sizes(count: int, shown: str) -> None:
    assert words.size(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0107, "11 ms"),
        (4.21, "4.2 s"),
        (42, "42 s"),
        (125, "2 min 5 s"),
        (3700, "1 h 1 min"),
        (108_000, "1 day 6 h"),
        (864_000, "10 days"),
    ],
)
def test_durations(seconds: float, shown: str) -> None:
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("back", "shown"),
    [
        (1, "just now"),
        (20, "20 s ago"),
        (130, "2 min ago"),
        (7200, "2 h ago"),
        (3 * 86_400 + 7, "3 days ago"),
    ],
)
def test_how_long_ago(back: float, shown: str) -> None:
    assert words.ago(NOW - timedelta(seconds=back), NOW) == shown


def test_energy_and_carbon_choose_a_unit_without_leading_zeros() -> None:
    assert words.energy(7_200_000) == ("2", "kWh")
    assert words.energy(36_000) == ("10", "Wh")
    assert words.energy(76) == ("76", "J")
    assert words.carbon(1_670_000) == ("1.67", "kg CO₂e")
    assert words.carbon(4_500) == ("4.5", "g CO₂e")
    assert words.carbon(12) == ("12", "mg CO₂e")


def test_short_keeps_what_is_short() -> None:
    assert words.short("abcdefghi") == "abcdefghi"
    assert words.short("abcdefghij") == "abcd…ghij"
