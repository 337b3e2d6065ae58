"""The whole loop, from version 1 to version 2, in seconds: prints JSON.

`decai demo --loop --json` on a network that is up and has its first model. There is no peer that does the same; in its
place stands the time that the collective's own rules make everybody wait, which no implementation could save: two
votes and their hold-ups, the auction, the challenge period, the hold before publishing, the age of stake.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from decai.chain import LocalWallet
from decai.collective import connect
from decai.config import load_settings
from decai.governance import Policy
from decai.network import Network, ensure_first_model, ensure_funds

GOAL = 60.0


def waiting(rules: Policy) -> int:
    """Seconds that the rules impose."""
    return (
        2 * (rules.voting_delay + rules.voting_period + rules.hold_up)
        + rules.bid_period + rules.challenge_period + rules.publish_hold + rules.stake_age
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="one loop, to see that it works")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="decai-bench-") as folder:
        settings = load_settings(home=Path(folder))
        with Network(settings, rpc_port=0, kubo_port=0, gateway_port=0) as network:
            wallet = LocalWallet.load_or_create(settings.wallet_path)
            with connect(str(network.urls["rpc_url"]), settings=settings, wallet=wallet) as publisher:
                ensure_funds(publisher)
                ensure_first_model(publisher)
            turns = []
            for _ in range(1 if given.quick else given.turns):
                began = time.perf_counter()
                done = subprocess.run(
                    [sys.executable, "-m", "decai", "demo", "--loop", "--json"],
                    env={**os.environ, "DECAI_HOME": folder}, capture_output=True, text=True, timeout=300,
                )  # fmt: skip
                if done.returncode != 0:
                    sys.exit(done.stderr)
                result = json.loads(done.stdout.strip().splitlines()[-1])
                turns.append({"command": round(time.perf_counter() - began, 2), "loop": result["seconds"]})
    floor = waiting(Policy.quick())
    seconds = statistics.median(t["command"] for t in turns)
    print(
        json.dumps(
            {
                "bench": "loop",
                "peer": "the waiting that the rules impose",
                "ours_seconds": seconds,
                "peer_seconds": floor,
                "ratio": round(seconds / floor, 3),
                "target_seconds_below": GOAL,
                "turns": turns,
            }
        )
    )


if __name__ == "__main__":
    main()
