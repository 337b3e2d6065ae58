"""The energy records of a collective's jobs, as the chain holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from decai.energy.meter import GRADES, JOULES_PER_KWH

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EnergyRecord", "EnergyRecords", "co2e_mg"]


def co2e_mg(energy_joules: int, carbon_mg_per_kwh: int) -> int:
    """Milligrams of CO2e of some energy, rounded to the nearest as the program does: E × I / 3.6 MJ."""
    return (energy_joules * carbon_mg_per_kwh + JOULES_PER_KWH // 2) // JOULES_PER_KWH


@dataclass(frozen=True)
class EnergyRecord:
    """One job's energy.

    Attributes
    ----------
    job, provider : str
    at : datetime
        When it was submitted, UTC.
    energy_joules : int
    kwh, kwh_low, kwh_high : float
        The energy and the ends of its band.
    grade : str
        "measured", "estimated" or "declared".
    carbon_g_per_kwh : float
    co2e_mg, co2_offset_mg : int
        Gross emissions; offsets beside them, never subtracted.
    region, device : str
    duration_s : int
    accuracy_gain : float
    reward_lamports : int
    """

    job: str
    provider: str
    at: datetime
    energy_joules: int
    kwh: float
    kwh_low: float
    kwh_high: float
    grade: str
    carbon_g_per_kwh: float
    co2e_mg: int
    co2_offset_mg: int
    region: str
    device: str
    duration_s: int
    accuracy_gain: float
    reward_lamports: int

    @classmethod
    def of(cls, row: dict[str, Any]) -> EnergyRecord:
        """From a decoded ``TrainingJobRecord``."""
        kwh = row["energy_joules"] / JOULES_PER_KWH
        band = row["energy_band_ppm"] / 1e6
        return cls(
            job=row["job"],
            provider=row["provider"],
            at=datetime.fromtimestamp(row["submitted_at"], UTC),
            energy_joules=row["energy_joules"],
            kwh=kwh,
            kwh_low=max(0.0, kwh * (1 - band)),
            kwh_high=kwh * (1 + band),
            grade=GRADES.get(row["energy_grade"], f"unknown ({row['energy_grade']})"),
            carbon_g_per_kwh=row["carbon_mg_per_kwh"] / 1000,
            co2e_mg=row["co2e_mg"],
            co2_offset_mg=row["co2_offset_mg"],
            region=row["region"],
            device=row["device"],
            duration_s=row["duration_s"],
            accuracy_gain=row["accuracy_gain_ppm"] / 1e6,
            reward_lamports=row["reward_distributed"],
        )


class EnergyRecords(Sequence[EnergyRecord]):
    """Records in the order of their submission."""

    def __init__(self, items: Sequence[EnergyRecord]) -> None:
        self._items = sorted(items, key=lambda r: r.at)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        return self._items[index]

    def __iter__(self) -> Iterator[EnergyRecord]:
        return iter(self._items)

    @property
    def kwh(self) -> float:
        """All energy, kWh."""
        return sum(r.kwh for r in self._items)

    @property
    def co2e_mg(self) -> int:
        """All gross emissions, mg."""
        return sum(r.co2e_mg for r in self._items)

    @property
    def co2_offset_mg(self) -> int:
        """All recorded offsets, mg: apart from the gross, never taken off it (ESRS E1-7; SCI)."""
        return sum(r.co2_offset_mg for r in self._items)

    def to_frame(self) -> pd.DataFrame:
        """One row a job."""
        import pandas as pd

        return pd.DataFrame([r.__dict__ for r in self._items], columns=list(EnergyRecord.__dataclass_fields__))

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False))
