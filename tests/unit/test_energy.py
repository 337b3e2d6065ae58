"""Energy: intensities, the meter, the records."""

from __future__ import annotations

import hashlib

import pytest

from decai.energy import EnergyRecord, EnergyRecords, Meter, co2e_mg, intensity_of
from decai.errors import EnergyError


def test_an_intensity_names_its_source_and_year() -> None:
    france, poland = intensity_of("fra"), intensity_of("POL")
    assert france.region == "FRA" and 2015 < france.year < 2100 and france.source
    assert france.g_per_kwh < poland.g_per_kwh / 3
    assert intensity_of("WORLD").mg_per_kwh == 475_000


def test_an_unknown_region_says_what_to_set() -> None:
    with pytest.raises(EnergyError, match="DECAI_REGION"):
        intensity_of("Atlantis")


def test_work_is_metered_with_grade_band_and_pue() -> None:
    def work() -> None:
        data = b"x" * 1_000_000
        for _ in range(600):
            data = hashlib.sha256(data).digest() * 31_250

    readings = []
    for pue in (1.0, 2.0):
        with Meter("DEU", pue=pue) as meter:
            work()
        readings.append(meter.reading)
    one, two = readings
    assert one.energy_joules > 0 and one.duration_s > 0
    assert one.grade in ("measured", "estimated") and one.band_ppm > 0 and one.device
    assert one.co2e_mg == pytest.approx(one.kwh * one.intensity.mg_per_kwh)
    assert (one.efficiency_ppm, two.efficiency_ppm) == (1_000_000, 500_000)


def test_an_open_meter_has_no_reading() -> None:
    with pytest.raises(EnergyError, match="closed"):
        _ = Meter("DEU").reading


def test_co2e_rounds_to_the_nearest_milligram() -> None:
    assert co2e_mg(3_600_000, 475_000) == 475_000
    assert co2e_mg(1, 1_799_999) == 0
    assert co2e_mg(1, 1_800_000) == 1


def row(**over: int) -> dict[str, object]:
    return {
        "job": "J", "provider": "P", "submitted_at": 1_700_000_000, "energy_joules": 7_200_000,
        "energy_band_ppm": 400_000, "energy_grade": 2, "carbon_mg_per_kwh": 400_000, "co2e_mg": 800_000,
        "co2_offset_mg": 5, "region": "DEU", "device": "cpu", "duration_s": 9, "accuracy_gain_ppm": 100_000,
        "reward_distributed": 3, **over,
    }  # fmt: skip


def test_records_add_up_and_offsets_stay_apart() -> None:
    records = EnergyRecords([EnergyRecord.of(row()), EnergyRecord.of(row(submitted_at=1_600_000_000))])
    assert records.kwh == pytest.approx(4.0)
    assert (records.co2e_mg, records.co2_offset_mg) == (1_600_000, 10)
    assert records[0].at < records[1].at
    frame = records.to_frame()
    assert list(frame.grade) == ["estimated", "estimated"]
    assert frame.kwh_low[0] == pytest.approx(1.2) and frame.kwh_high[0] == pytest.approx(2.8)
    assert EnergyRecords([]).to_frame().empty
