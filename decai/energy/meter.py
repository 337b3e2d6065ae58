"""Metering a piece of work with codecarbon, in process mode."""

from __future__ import annotations

import logging
import time
import warnings
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from decai.energy.intensity import Intensity, intensity_of
from decai.errors import EnergyError

__all__ = ["GRADES", "Grade", "Meter", "Reading"]

Grade = Literal["measured", "estimated", "declared"]

GRADES: dict[int, Grade] = {1: "measured", 2: "estimated", 3: "declared"}
"""As the program numbers them: a counter in the hardware, a model of it, the provider's word."""

JOULES_PER_KWH = 3_600_000
BAND_PPM = {"measured": 50_000, "estimated": 400_000}
"""How far off a reading may be: ±5 % for RAPL counters (Khan et al., "RAPL in Action", 2018, find less for the
package domain); ±40 % for a load model of the CPU, our own bound: the model knows neither the real power curve nor
the neighbours on a shared machine."""
RAM_WATTS_PER_GB = 0.375
"""For the memory this process holds: 3 W for 8 GB, codecarbon's figure. Its default, a constant for the whole
machine's memory, would charge this process for everybody's."""
SAMPLE_SECONDS = 1.0


@dataclass(frozen=True)
class Reading:
    """What some work used.

    Attributes
    ----------
    energy_joules : float
        Power usage effectiveness included.
    co2e_mg : float
        Milligrams of CO2e, gross.
    grade : str
        "measured" when the CPU's own counters were read, else "estimated".
    band_ppm : int
        Half-width of the band around the energy, in millionths.
    duration_s : float
    intensity : Intensity
    pue : float
    device : str
        The processor.
    method : str
        How the CPU's energy was found.
    """

    energy_joules: float
    co2e_mg: float
    grade: Grade
    band_ppm: int
    duration_s: float
    intensity: Intensity
    pue: float
    device: str
    method: str

    @property
    def kwh(self) -> float:
        """The energy in kilowatt-hours."""
        return self.energy_joules / JOULES_PER_KWH

    @property
    def efficiency_ppm(self) -> int:
        """Share of the energy that reaches the machine rather than the building: 1 / PUE, in millionths."""
        return round(1_000_000 / self.pue)


class Meter:
    """A context manager that meters what this process uses while it is open.

    Parameters
    ----------
    region : str
        ISO 3166-1 alpha-3, or "WORLD".
    pue : float
        Power usage effectiveness of the site, at least 1.

    Examples
    --------
    >>> with Meter("DEU") as meter:  # doctest: +SKIP
    ...     train()
    >>> meter.reading.energy_joules  # doctest: +SKIP
    """

    def __init__(self, region: str = "WORLD", *, pue: float = 1.0) -> None:
        self.intensity = intensity_of(region)
        self.pue = pue
        self._tracker: Any = None
        self._reading: Reading | None = None
        self._started = 0.0

    def __enter__(self) -> Meter:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # its save_to_* arguments; the new ones write files
            from codecarbon import OfflineEmissionsTracker

            logging.getLogger("codecarbon").setLevel(logging.CRITICAL)  # its import sets its own level
            self._tracker = OfflineEmissionsTracker(
                country_iso_code="FRA",  # the intensity is ours; codecarbon insists on a country
                tracking_mode="process",
                measure_power_secs=SAMPLE_SECONDS,
                save_to_file=False,
                log_level="critical",
                allow_multiple_runs=True,
                force_ram_power=_memory_gb() * RAM_WATTS_PER_GB,
            )
            self._tracker.start()
        self._started = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        duration = time.perf_counter() - self._started
        self._tracker.stop()
        data = self._tracker.final_emissions_data
        joules = data.energy_consumed * JOULES_PER_KWH * self.pue
        modes = [getattr(h, "_mode", "") for h in self._tracker._hardware if type(h).__name__ == "CPU"]
        method = modes[0] if modes else "none"
        grade: Grade = "measured" if "rapl" in method or "power_gadget" in method else "estimated"
        self._reading = Reading(
            energy_joules=joules,
            co2e_mg=joules / JOULES_PER_KWH * self.intensity.mg_per_kwh,
            grade=grade,
            band_ppm=BAND_PPM[grade],
            duration_s=duration,
            intensity=self.intensity,
            pue=self.pue,
            device=data.cpu_model or "unknown",
            method=method,
        )

    @property
    def reading(self) -> Reading:
        """What was used.

        Raises
        ------
        EnergyError
            The meter is still open, or was never.
        """
        if self._reading is None:
            raise EnergyError("The meter hasn't been closed.", hint="Read it after the `with` block.")
        return self._reading


def _memory_gb() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss) / 1e9
