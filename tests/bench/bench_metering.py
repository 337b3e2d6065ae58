"""What metering adds to the work that is metered: prints JSON.

A fixed piece of training is repeated for some seconds with the meter open and without one, in turns. ``overhead`` is
the median of the turns' ratios of CPU time, the meter's own threads included, less one; wall-clock time is given
beside it, which other processes disturb. ``meter_cpu_share`` is what the meter's threads used beside the work, which
nothing else disturbs. Opening and closing the meter takes a fixed time, whatever the work: it is given apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from decai.energy import Meter
from decai.training.trainer import segment

GOAL = 0.02
ROWS, FEATURES = 256, 32


def work(segments: int) -> None:
    """Train on one chunk, again and again."""
    random = np.random.default_rng(2)
    x = random.integers(-128, 128, (ROWS, FEATURES)).astype(np.int64)
    y = random.integers(0, 2, ROWS).astype(np.int64)
    head = np.zeros(FEATURES + 1, np.int64)
    for _ in range(segments):
        head = segment(head, x, y)


def timed(call: Callable[[], Any]) -> tuple[float, float, float]:
    """CPU seconds of the process, wall-clock seconds, and CPU seconds of this thread alone, of a call."""
    cpu, wall, own = time.process_time(), time.perf_counter(), time.thread_time()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall, time.thread_time() - own


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--seconds", type=float, default=2.5, help="of work in each turn, roughly")
    parser.add_argument("--quick", action="store_true", help="one short turn, to see that it works")
    given = parser.parse_args()
    turns, seconds = (1, 1.2) if given.quick else (given.turns, given.seconds)
    with Meter():
        work(10)  # codecarbon looks at the machine once
    segments = max(1, round(200 * seconds / timed(lambda: work(200))[0]))
    found = []
    joules = []
    for turn in range(turns):
        pair: dict[str, tuple[float, float, float]] = {}
        fixed = 0.0
        for kind in ("bare", "metered") if turn % 2 == 0 else ("metered", "bare"):
            if kind == "bare":
                pair[kind] = timed(lambda: work(segments))
                continue
            began = time.perf_counter()
            with Meter() as meter:
                pair[kind] = timed(lambda: work(segments))
            fixed = time.perf_counter() - began - pair[kind][1]
            joules.append(meter.reading.energy_joules)
        found.append((pair["bare"], pair["metered"], fixed))
    ratio = statistics.median(metered[0] / bare[0] for bare, metered, _ in found)
    print(
        json.dumps(
            {
                "bench": "metering",
                "peer": "the same work unmetered",
                "ours_seconds": round(statistics.median(m[0] for _, m, _ in found), 4),
                "peer_seconds": round(statistics.median(b[0] for b, _, _ in found), 4),
                "ratio": round(ratio, 5),
                "overhead": round(ratio - 1, 5),
                "meter_cpu_share": round(statistics.median((m[0] - m[2]) / m[2] for _, m, _ in found), 5),
                "wall_ratio": round(statistics.median(m[1] / b[1] for b, m, _ in found), 4),
                "open_and_close_seconds": round(statistics.median(f for _, _, f in found), 3),
                "energy_joules": round(statistics.median(joules), 2),
                "target_overhead_below": GOAL,
            }
        )
    )


if __name__ == "__main__":
    main()
