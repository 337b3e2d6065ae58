"""Energy and carbon: metering around a job, the grid's intensity, and what the records add up to."""

from decai.energy.intensity import Intensity, intensity_of
from decai.energy.meter import GRADES, Meter, Reading
from decai.energy.records import EnergyRecord, EnergyRecords, co2e_mg

__all__ = ["GRADES", "EnergyRecord", "EnergyRecords", "Intensity", "Meter", "Reading", "co2e_mg", "intensity_of"]
