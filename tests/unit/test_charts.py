"""Charts: the numbers drawn are the numbers given, and each comes with its table."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import combinations

import pandas as pd
import pytest

from decai import charts

VERSIONS = pd.DataFrame(
    {
        "number": [1, 2, 3],
        "accuracy": [0.76, None, 0.84],
        "published_at": [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)],
        "status": ["live", "live", "yanked"],
        "current": [True, False, False],
    }
)


@pytest.mark.parametrize("dark", [False, True])
def test_scores_draw_every_label_with_the_highest_on_top(dark: bool) -> None:
    drawn = charts.scores(pd.DataFrame({"label": ["negative", "positive"], "score": [0.0857, 0.9143]}), dark=dark)
    bars = drawn.figure.data[0]
    assert list(bars.y) == ["negative", "positive"]  # plotly draws upwards: the last is on top
    assert list(bars.text) == ["0.0857", "0.9143"]
    palette = charts.DARK if dark else charts.LIGHT
    assert list(bars.marker.color) == [palette.neutral, palette.accent]
    assert list(drawn.table["label"]) == ["positive", "negative"]


def test_accuracy_leaves_out_what_was_never_measured_but_lists_it() -> None:
    drawn = charts.accuracy_by_version(VERSIONS)
    assert list(drawn.figure.data[0].x) == [1, 3]
    assert [trace.name for trace in drawn.figure.data[1:]] == ["live", "withdrawn"]
    assert len(drawn.table) == 3
    assert [a.text for a in drawn.figure.layout.annotations] == ["<b>76.0%, current</b>"]
    low, high = drawn.figure.layout.yaxis.range
    assert low <= 0.5 and high >= 0.84


def test_accuracy_of_a_single_version_has_room_around_it() -> None:
    drawn = charts.accuracy_by_version(VERSIONS.head(1))
    assert list(drawn.figure.layout.xaxis.range) == [0, 2]


def test_activity_counts_and_folds_the_rest_into_other() -> None:
    kinds = ["a"] * 5 + ["b"] * 4 + ["c"] * 3 + ["d"] * 2 + ["e", "f", "g"]
    drawn = charts.activity_by_kind(pd.DataFrame({"instruction": kinds}))
    bars = dict(zip(drawn.figure.data[0].y, drawn.figure.data[0].x, strict=True))
    assert bars["a"] == 5 and bars["other"] == 2 and len(bars) == 6
    assert drawn.table["transactions"].sum() == len(kinds)


def _linear(colour: str) -> list[float]:
    parts = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    return [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]


def _contrast(a: str, b: str) -> float:
    """WCAG 2 contrast ratio of two colours."""
    lights = []
    for colour in (a, b):
        red, green, blue = _linear(colour)
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue)
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("palette", [charts.LIGHT, charts.DARK])
def test_text_in_charts_is_legible_and_series_differ(palette: charts.Palette) -> None:
    assert _contrast(palette.ink, palette.surface) > 7
    assert _contrast(palette.muted, palette.surface) > 4.5
    for one, other in combinations(palette.series, 2):
        assert sum((x - y) ** 2 for x, y in zip(_linear(one), _linear(other), strict=True)) > 0.005


def test_energy_keeps_grades_apart_by_shape_and_draws_the_band() -> None:
    records = pd.DataFrame(
        {
            "at": [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2)],
            "job": ["a" * 44, "b" * 44],
            "kwh": [0.002, 0.004],
            "kwh_low": [0.0019, 0.0024],
            "kwh_high": [0.0021, 0.0056],
            "grade": ["measured", "declared"],
            "co2e_mg": [950, 1900],
        }
    )
    drawn = charts.energy_by_job(records)
    assert [t.name for t in drawn.figure.data] == ["measured", "declared"]
    assert len({t.marker.symbol for t in drawn.figure.data}) == 2
    assert drawn.figure.layout.yaxis.title.text == "Wh a job"
    assert list(drawn.figure.data[1].y) == [4.0]
    assert list(drawn.figure.data[1].error_y.array) == pytest.approx([1.6])
    assert list(drawn.table["kwh"]) == [0.002, 0.004]


def test_the_front_holds_what_nothing_beats_on_both() -> None:
    quotes = pd.DataFrame(
        {
            "source": ["peer"] * 4,
            "provider": list("wxyz"),
            "device": ["cheap", "clean", "beaten", "unknown grid"],
            "total_lamports": [10**9, 3 * 10**9, 4 * 10**9, 10**8],
            "co2e_g": [300.0, 40.0, 50.0, None],
            "chosen": [True, False, False, False],
        }
    )
    drawn = charts.price_against_carbon(quotes)
    by_name = {t.name: t for t in drawn.figure.data}
    assert list(by_name["nothing is better on both"].x) == [1.0, 3.0]
    assert list(by_name["peer"].text) == ["cheap", "clean", "beaten"]
    assert list(by_name["chosen"].x) == [1.0]
    assert len(drawn.table) == 4
