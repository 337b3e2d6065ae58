"""Rows a second of the integer trainer, and whether a rerun gives the same bits: prints JSON.

The peer is the same learning in plain numpy with float64, as one would write it without a need for proofs: full
batch, hard sigmoid, the same steps on the same rows. Both take turns. ``bit_identical`` compares the commitments of
reruns, also of one in another process with another number of threads.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from decai.training.trainer import STEPS_PER_SEGMENT, segment

ROWS, FEATURES = 256, 32


def chunks(count: int) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    """Rows with a direction to be learnt, and noise."""
    random = np.random.default_rng(5)
    direction = random.normal(size=FEATURES)
    made = []
    for _ in range(count):
        x = np.clip(np.rint(random.normal(0, 30, (ROWS, FEATURES))), -127, 127).astype(np.int64)
        made.append((x, (x @ direction + random.normal(0, 60, ROWS) > 0).astype(np.int64)))
    return made


def ours(data: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]) -> np.ndarray[Any, Any]:
    head = np.zeros(FEATURES + 1, np.int64)
    for x, y in data:
        head = segment(head, x, y)
    return head


def peer(data: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]) -> np.ndarray[Any, Any]:
    head = np.zeros(FEATURES + 1)
    for x, y in data:
        rows = np.hstack([x / 64, np.ones((len(x), 1))])
        for _ in range(STEPS_PER_SEGMENT):
            head = head - rows.T @ (np.clip(rows @ head + 0.5, 0, 1) - y) / len(x)
    return head


def right(head: np.ndarray[Any, Any], data: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]) -> float:
    """Share of the rows that a head (in any scale) answers rightly."""
    found = [((x @ head[:-1] + 64 * head[-1] > 0) == y).mean() for x, y in data]
    return float(np.mean(found))


def digest(head: np.ndarray[Any, Any]) -> str:
    return hashlib.sha256(head.astype("<i8").tobytes()).hexdigest()


def seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def elsewhere(count: int, threads: int) -> str:
    """The digest from a process of its own with so many threads."""
    env = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    done = subprocess.run(
        [sys.executable, __file__, "--chunks", str(count), "--digest"],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chunks", type=int, default=200)
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument("--digest", action="store_true", help="only print the head's digest")
    parser.add_argument("--quick", action="store_true", help="few chunks and turns, to see that it works")
    given = parser.parse_args()
    count, turns = (20, 2) if given.quick else (given.chunks, given.turns)
    data = chunks(count)
    head = ours(data)
    if given.digest:
        print(digest(head))
        return
    reruns = {digest(ours(data)) for _ in range(3)} | {elsewhere(count, threads) for threads in (1, 2)}
    pairs = []
    for turn in range(turns):
        pair = {"ours": 0.0, "peer": 0.0}
        for name, call in (("ours", ours), ("peer", peer))[:: 1 if turn % 2 else -1]:
            pair[name] = seconds(lambda call=call: call(data))
        pairs.append(pair)
    rows = count * ROWS * STEPS_PER_SEGMENT
    medians = {name: statistics.median(p[name] for p in pairs) for name in ("ours", "peer")}
    print(
        json.dumps(
            {
                "bench": "training",
                "peer": "numpy, float64",
                "bit_identical": reruns == {digest(head)},
                "ours_rows_per_second": round(rows / medians["ours"]),
                "peer_rows_per_second": round(rows / medians["peer"]),
                "ratio": round(statistics.median(p["ours"] / p["peer"] for p in pairs), 3),
                "ours_right": round(right(head, data), 4),
                "peer_right": round(right(peer(data), data), 4),
            }
        )
    )


if __name__ == "__main__":
    main()
