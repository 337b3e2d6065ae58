"""How long until a person sees the Overview: `decai up` on a warm home until its heading is visible in Chromium.

Run: ``python tests/bench/bench_dashboard_start.py [rounds]``. Prints one line of JSON. The first start of a home
trains and publishes the first model; it is done once and not counted.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "browser"))

from conftest import CHROMIUM, FLAGS, run_up  # type: ignore[import-not-found]

TARGET_SECONDS = 6.0


def measure(home: Path) -> tuple[float, float]:
    """One warm start: seconds until the line of JSON, and until the heading is visible."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        began = time.perf_counter()
        with run_up(home) as up:
            served = time.perf_counter() - began
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page()
            page.goto(up.url)
            page.get_by_role("heading", name="Overview", level=1).wait_for(timeout=60_000)
            seen = time.perf_counter() - began
            browser.close()
    return served, seen


def main(rounds: int = 3) -> None:
    """Measure some rounds and print the medians."""
    with tempfile.TemporaryDirectory(prefix="decai-bench-") as folder:
        home = Path(folder) / "home"
        with run_up(home):
            pass
        found = [measure(home) for _ in range(rounds)]
    seen = statistics.median(s for _, s in found)
    print(
        json.dumps(
            {
                "up_seconds": round(statistics.median(s for s, _ in found), 3),
                "heading_seconds": round(seen, 3),
                "rounds": [[round(x, 3) for x in pair] for pair in found],
                "target_seconds": TARGET_SECONDS,
                "met": seen < TARGET_SECONDS,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
