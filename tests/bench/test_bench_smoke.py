"""Each benchmark runs, and its last line is the JSON that figures are read from."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
COMPARED = {"bench", "peer", "ratio"}
KEYS = {
    "bench_registry.py": COMPARED | {"accounts", "ours_seconds", "peer_seconds", "target_ratio_at_least"},
    "bench_up.py": COMPARED | {"ours_seconds", "peer_seconds", "node_seconds", "served_seconds"},
    "bench_loop.py": COMPARED | {"ours_seconds", "peer_seconds", "target_seconds_below"},
    "bench_metering.py": COMPARED | {"overhead", "wall_ratio", "open_and_close_seconds", "energy_joules"},
    "bench_training.py": COMPARED | {"bit_identical", "ours_rows_per_second", "peer_rows_per_second"},
    "bench_inference.py": COMPARED | {"texts", "target_ratio_below"},
    "bench_node.py": {"in_process_transfers_per_second", "http_transfers_per_second", "start_seconds"},
    "bench_storage.py": set(),
}
QUICK = {
    "bench_inference.py": ["--turns", "2", "--repeats", "1"],
    "bench_node.py": ["--transfers", "20", "--accounts", "500"],
    "bench_storage.py": ["--megabytes", "8"],
}


def test_every_script_is_run_here() -> None:
    assert set(KEYS) == {p.name for p in FOLDER.glob("bench_*.py")}


@pytest.mark.bench
@pytest.mark.timeout(300)
@pytest.mark.parametrize("script", KEYS)
def test_a_quick_run_ends_in_json(script: str) -> None:
    done = subprocess.run(
        [sys.executable, str(FOLDER / script), *QUICK.get(script, ["--quick"])],
        capture_output=True, text=True, timeout=290,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    indented = script == "bench_storage.py"  # its JSON takes several lines
    found = json.loads(done.stdout if indented else done.stdout.strip().splitlines()[-1])
    assert isinstance(found, dict) and KEYS[script] <= set(found), sorted(found)
    if script == "bench_training.py":
        assert found["bit_identical"] is True
