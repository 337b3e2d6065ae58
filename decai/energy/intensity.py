"""How much carbon a kilowatt-hour carries, by country."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from decai.errors import EnergyError

__all__ = ["Intensity", "intensity_of"]

WORLD_G_PER_KWH = 475.0
"""codecarbon's world average, in g CO2e/kWh (IEA, Global Energy & CO2 Status Report 2019)."""


@dataclass(frozen=True)
class Intensity:
    """A grid's carbon intensity.

    Attributes
    ----------
    region : str
        ISO 3166-1 alpha-3, or "WORLD".
    g_per_kwh : float
        Grams of CO2e for each kWh of electricity.
    source : str
        Where the number comes from.
    year : int
        The year it describes.
    """

    region: str
    g_per_kwh: float
    source: str
    year: int

    @property
    def mg_per_kwh(self) -> int:
        """Milligrams a kWh, as the chain holds it."""
        return round(self.g_per_kwh * 1000)


@lru_cache(1)
def _mix() -> dict[str, Any]:
    from importlib import resources

    path = resources.files("codecarbon").joinpath("data", "private_infra", "global_energy_mix.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def intensity_of(region: str) -> Intensity:
    """The carbon intensity of a country's grid, yearly average.

    Parameters
    ----------
    region : str
        ISO 3166-1 alpha-3 code, or "WORLD".

    Raises
    ------
    EnergyError
        The region isn't known.

    Notes
    -----
    From the table that codecarbon ships (Our World in Data, after Ember and the Energy Institute).
    """
    code = region.strip().upper()
    if code == "WORLD":
        return Intensity("WORLD", WORLD_G_PER_KWH, "codecarbon, world average after IEA", 2019)
    entry = _mix().get(code)
    if entry is None:
        raise EnergyError(
            f"There is no grid data for {region!r}.",
            hint="Set DECAI_REGION to an ISO 3166-1 alpha-3 code such as DEU, or to WORLD.",
        )
    return Intensity(code, float(entry["carbon_intensity"]), "Our World in Data, as codecarbon ships it", entry["year"])
