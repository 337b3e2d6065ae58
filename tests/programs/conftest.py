"""Fixtures shared by the program tests."""

import pytest
from harness import ComputeUnits


@pytest.fixture(scope="session")
def cu() -> ComputeUnits:
    """The table of compute units: ``cu.check("program.instruction", result)``."""
    return ComputeUnits()
